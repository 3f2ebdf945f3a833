import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import chromium, serving, watch
from playwright.sync_api import Browser, Page, expect

from penchant.cli.serve import Address, build_site
from penchant.scenarios import Project

pytestmark = pytest.mark.browser

PAYLOADS = (Path(__file__).parent / "payloads.txt").read_text(encoding="utf-8").splitlines()
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 860}
MAX_SCREENSHOT = 300_000  # bytes


@pytest.fixture(scope="module")
def address(shop: Path) -> Iterator[str]:
    with Project.open(shop) as project, serving(build_site(project, Address())) as place:
        yield f"{place}/console/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser without cookies; a test fails when it complains about anything."""
    context = browser.new_context(viewport=DESK, locale="en-GB")  # type: ignore[arg-type]
    opened = context.new_page()
    complaints = watch(opened)
    yield opened
    context.close()
    assert complaints == []


def shown(page: Page, place: str = "#shelf-1") -> list[str]:
    return page.locator(f"{place} .hit .name").all_inner_texts()


def keep(page: Page, name: str) -> None:
    """A picture for the documentation, where somebody asked for them."""
    if folder := os.environ.get("PENCHANT_SCREENSHOTS"):
        page.wait_for_timeout(500)  # animations end
        path = Path(folder) / name
        page.screenshot(path=path)
        assert path.stat().st_size <= MAX_SCREENSHOT


def test_a_click_changes_the_shelves_and_is_acknowledged(page: Page, address: str) -> None:
    page.goto(address)
    before = shown(page)
    title = page.locator("#shelf-1 .hit .name").nth(2).inner_text()
    page.locator("#shelf-1 .choose").nth(2).click()
    expect(page.locator("#status")).to_contain_text(title)
    expect(page.locator(".strip .name").first).to_have_text(title)
    assert shown(page) != before
    assert title not in shown(page)
    assert page.url == address
    page.locator("#shelf-1 .choose").nth(1).click()
    expect(page.locator(".strip li")).to_have_count(2)
    expect(page.locator(".fresh .badge").first).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    keep(page, "home.png")


def test_a_click_far_along_a_shelf_leaves_it_there(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#shelf-1 .choose").first.click()
    expect(page.locator(".strip li")).to_have_count(1)
    page.locator("#shelf-1 .choose").last.click()
    expect(page.locator(".strip li")).to_have_count(2)
    assert page.evaluate("document.querySelector('#shelf-1 .cards').scrollLeft") > 100


def test_a_picture_opens_its_item_and_is_a_click(page: Page, address: str) -> None:
    page.goto(address)
    title = page.locator("#shelf-1 .hit .name").nth(1).inner_text()
    page.locator("#shelf-1 .hit .cover").nth(1).click()
    expect(page.locator("h1")).to_have_text(title)
    page.goto(address)
    assert page.locator(".strip .name").all_inner_texts() == [title]


def test_as_somebody_else_a_click_is_recorded_only_where_that_is_switched_on(page: Page, address: str) -> None:
    page.goto(address)
    page.request.post(f"{address}become", form={"user_id": "reader-041"})
    page.goto(address)
    past = page.locator(".strip .name").all_inner_texts()
    page.locator("#shelf-1 .hit").first.click()
    expect(page.locator("h1")).to_be_visible()
    page.goto(address)
    assert page.locator(".strip .name").all_inner_texts() == past
    assert page.locator(".choose").count() == 0
    page.get_by_label("record what I do as this person").check()
    page.locator("#shelf-1 .choose").first.click()
    expect(page.locator("#status")).to_contain_text("Noted")
    expect(page.locator(".strip .name").first).not_to_have_text(past[0])
    page.get_by_label("record what I do as this person").uncheck()
    expect(page.locator(".choose")).to_have_count(0)


def test_why_opens_under_its_shelf(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#shelf-1 .choose").first.click()
    expect(page.locator(".strip li")).to_have_count(1)
    page.locator("#shelf-1").get_by_role("link", name="Why").first.click()
    expect(page.locator("#why-1 .why")).to_be_visible()
    expect(page.locator("#why-1 .reasons li")).to_have_count(1)


def test_search_answers_while_one_types_in_any_language(page: Page, address: str) -> None:
    page.goto(address)
    for words, title in (("lighthouse", "The Lighthouse Keeper's Daughter"), ("图书馆", "星空下的图书馆")):
        page.locator("#q").fill("")
        page.locator("#q").press_sequentially(words)
        expect(page.locator("#found .name").first).to_have_text(title)
    page.locator("#found .hit").first.click()
    expect(page.locator("h1")).to_have_text("星空下的图书馆")


ABOVE = """rows => rows.map(row => {
    row.scrollIntoView({ block: 'nearest' })
    const box = row.getBoundingClientRect()
    return row.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2))
})"""


def test_what_is_found_lies_above_the_page_on_a_phone(page: Page, address: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(address)
    page.locator("#q").press_sequentially("the")
    expect(page.locator("#found .row")).to_have_count(8)
    expect(page.get_by_role("link", name="Show all results")).to_have_count(1)
    assert page.locator("#found .row, #found p").evaluate_all(ABOVE) == [True] * 9


CUT_OFF = """names => names.filter(name => {
    const text = document.createRange(); text.selectNodeContents(name)
    const line = text.getClientRects()[0], box = name.getBoundingClientRect()
    return line.top < box.top - 0.3 || line.top + line.height > box.bottom + 0.3
}).map(name => name.innerText)"""


def test_no_letter_of_a_title_is_cut_off(page: Page, address: str) -> None:
    page.goto(address)
    page.request.post(f"{address}become", form={"user_id": "reader-033"})
    for view in ("lists", "shelves"):
        page.request.post(f"{address}settings", form={"view": view})
        page.goto(address)
        page.locator("#q").press_sequentially("the")
        expect(page.locator("#found .row")).to_have_count(8)
        assert page.locator(".strip .name").count() > 5
        assert page.locator(".name").evaluate_all(CUT_OFF) == []


def test_another_user_can_be_found_and_left_again(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_text("Be somebody else").click()
    page.locator("#prefix").press_sequentially("reader-03")
    page.get_by_role("button", name="reader-033").click()
    expect(page.locator("h1")).to_contain_text("reader-033")
    assert page.locator(".strip li").count() > 5
    page.get_by_role("button", name="Start over").click()
    expect(page.locator("h1")).not_to_contain_text("reader")
    assert page.locator(".strip li").count() == 0


def test_the_other_pages_render_without_complaints(page: Page, address: str) -> None:
    page.goto(f"{address}item?id=b05")
    expect(page.locator(".shelf .card").first).to_be_visible()
    keep(page, "item.png")
    page.goto(f"{address}models")
    expect(page.locator("svg.chart").first).to_be_visible()
    keep(page, "models.png")
    page.get_by_role("link", name="The full report").click()
    expect(page.locator("table").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"  # its style was let in
    page.goto(f"{address}data")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.get_by_text("Steps that changed nothing").click()
    expect(page.get_by_text("impossible times")).to_be_visible()
    keep(page, "data.png")


def test_lists_instead_of_shelves(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Lists").click()
    page.locator("#shelf-1 .row .choose").first.click()
    expect(page.locator("#status")).to_contain_text("Noted")
    expect(page.locator("#shelf-1 .row").first).to_be_visible()


def test_the_keyboard_is_enough(page: Page, address: str) -> None:
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
        if seen[-1] == "choose-1-0":
            break
    assert seen[-1] == "choose-1-0", seen
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".strip li")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "choose-1-0"  # one is not thrown back to the top


def test_a_phone_needs_no_sideways_scrolling(page: Page, address: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in ("", "item?id=b00", "models", "data", "search?q=night", "people"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    page.goto(address)
    page.locator("#shelf-1 .choose").first.click()
    expect(page.locator(".strip li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.evaluate("scrollTo(0, 0)")
    assert page.locator(".languages").bounding_box()["y"] < 40  # type: ignore[index]  # it is visible; all of the top in one row
    keep(page, "phone.png")
    page.request.post(f"{address}become", form={"user_id": "W" * 200})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_page_speaks_chinese(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("h1")).to_have_text("接下来想看什么？")
    page.locator("#shelf-1 .choose").first.click()
    expect(page.locator("#status")).to_contain_text("已记录")
    keep(page, "home-zh.png")


def test_titles_stay_text_whatever_they_hold(browser: Browser, tmp_path: Path) -> None:
    assert len(PAYLOADS) >= 30
    with Project.create(tmp_path / "hostile") as project:
        rows = [(f"x{n}{title}", {"title": title, "categories": [title], title[:60]: title}) for n, title in enumerate(PAYLOADS)]
        project.features.upsert("items", rows)
        with serving(build_site(project, Address())) as place:
            context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
            page = context.new_page()
            fired: list[str] = []
            page.expose_function("canary", lambda: fired.append(page.url))
            complaints = watch(page)
            outside: list[str] = []
            page.on("request", lambda request: None if request.url.startswith(place) else outside.append(request.url))
            page.goto(f"{place}/console/search?q=canary")
            for item_id, properties in rows:
                answer = page.request.post(f"{place}/v1/events", data={"user_id": item_id, "item_id": item_id})
                assert answer.ok, answer.text()
                response = page.request.post(f"{place}/console/become", form={"user_id": item_id})
                assert response.ok
                page.goto(f"{place}/console/")
                assert page.locator(".strip .name").first.text_content() == properties["title"].strip()
            page.locator(".record [type=checkbox]").check()
            page.locator(".choose").first.click()
            expect(page.locator(".strip li")).to_have_count(2)
            page.locator("#q").press_sequentially("canary")
            expect(page.locator("#found .name").first).to_be_visible()
            assert fired == outside == complaints == []
            context.close()
