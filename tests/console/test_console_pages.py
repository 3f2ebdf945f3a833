import base64
import json
import logging
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from console_client import ConsoleClient
from fastapi import FastAPI
from starlette.responses import JSONResponse, PlainTextResponse

from penchant.cli.serve import Address, build_site
from penchant.console.app import create_console
from penchant.console.covers import initials
from penchant.console.messages import LANGUAGES, Words, choose, texts_of
from penchant.console.sessions import IDLE_SECONDS, Sessions
from penchant.console.shown import price_of
from penchant.evaluation.report import to_text
from penchant.evaluation.verdict import verdict, with_blend, with_history
from penchant.scenarios import Project

KEY = "correct-horse-battery-staple"
PAGES = ["", "models", "data", "search", "search?q=night", "people", "item?id=b00"]
PART = {"hx-request": "true"}


def recommendation(page: str) -> str:
    found = re.search(r'name="recommendation_id" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def visitor(client: ConsoleClient) -> str:
    return base64.urlsafe_b64decode(client.http.cookies["penchant_visitor"]).decode()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_renders_in_each_language(client: ConsoleClient, path: str, language: str) -> None:
    answer = client.get(f"/console/{path}", headers={"accept-language": f"{language}-XX, fr;q=0.3"})
    assert answer.status_code == 200
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in answer.text
    assert texts_of(language)["nav.models"] in answer.text
    assert "<main" in answer.text and 'class="skip"' in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_no_page_needs_inline_styles_or_scripts(client: ConsoleClient, path: str) -> None:
    answer = client.get(f"/console/{path}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", answer.text)
    assert set(re.findall(r"<script[^>]*>", answer.text)) == {'<script src="/console/static/vendor/htmx-4.0.1.min.js" defer>'}
    assert not re.search(r'(?:src|href|action)="(?!/console/|#)', answer.text)


def test_static_files_are_there_and_may_be_kept(client: ConsoleClient) -> None:
    for name in ("console.css", "icon.svg", "vendor/htmx-4.0.1.min.js", "vendor/htmx-LICENSE.txt"):
        answer = client.get(f"/console/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "max-age=3600"
    assert len(files("penchant.console").joinpath("static/console.css").read_text().splitlines()) <= 400


def test_a_title_with_markup_is_shown_as_text(client: ConsoleClient, site: FastAPI) -> None:
    title = '<script>alert("x")</script>'
    client.http.headers["origin"] = "http://127.0.0.1"
    client.runner.run(client.http.post("/v1/items", json={"item_id": "hostile", "title": title, "categories": [title], title: title}))
    for path in ("item?id=hostile", "search?q=script"):
        page = client.get(f"/console/{path}").text
        assert "&lt;script&gt;" in page
        assert "<script>" not in page
    client.runner.run(client.http.delete("/v1/items/hostile"))


def test_a_card_says_the_year_and_a_title_without_end_is_cut(client: ConsoleClient) -> None:
    client.http.headers["origin"] = "http://127.0.0.1"
    rows = [
        {"item_id": "endless", "title": f"endless {'w' * 20_000}", "release_date": "1987-05-01"},
        {"item_id": "plain", "title": "undated endless"},
    ]
    client.runner.run(client.http.post("/v1/items", json=rows))
    page = client.get("/console/search?q=endless").text
    assert re.findall(r'class="kinds">([^<]*)<', page).count("1987") == 1
    assert len(page) < 20_000
    for row in rows:
        client.runner.run(client.http.delete(f"/v1/items/{row['item_id']}"))


def test_a_card_says_the_price_where_the_catalogue_has_one() -> None:
    prices = [
        {"price": 12.5, "currency": "EUR"},
        {"price": 1200},
        {"price": " 9,90 € "},
        {"price": True},
        {"price": None},
        {"price": {}},
        {},
    ]
    assert [price_of({"properties": each}) for each in prices] == ["12.50 EUR", "1,200", "9,90 €", "", "", "", ""]


def test_initials_are_capitals_in_any_script_that_has_them() -> None:
    titles = ["Old bowl", "Grüne Vase", "Élégant tapis", "Война и мир", "长安十二时辰的雨", "毛毯 Mini", "1984"]
    assert [initials(title) for title in titles] == ["OB", "GV", "ÉT", "ВИ", "长安", "毛毯", "1"]


def test_steps_that_changed_nothing_are_folded(client: ConsoleClient) -> None:
    shown, folded = client.get("/console/data").text.split("<summary>Steps that changed nothing")
    assert "duplicates" in shown and "missing ids" in shown
    assert "impossible times" in folded and "impossible times" not in shown
    assert "duplicates" not in folded.partition("</details>")[0]


def test_the_data_page_shows_files_counts_and_rejected_rows(client: ConsoleClient) -> None:
    page = client.get("/console/data").text
    assert "<code>events.csv</code>" in page
    assert "Rows that could not be used: 1" in page
    assert "ingest-1-rejects.csv" in page


def test_the_full_report_carries_its_own_style_and_nothing_else(client: ConsoleClient) -> None:
    assert 'href="/console/report"' in client.get("/console/models").text
    answer = client.get("/console/report")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "style-src 'sha256-" in policy and "unsafe" not in policy
    assert "last-item" in answer.text
    for report, status in ((None, 404), ({"results": []}, 503)):
        alone = ConsoleClient(create_console(JSONResponse({"models": [], "report": report})))
        assert alone.get("/report").status_code == status
        alone.close()


def test_a_click_is_an_event_with_its_place_in_the_answer(client: ConsoleClient, project: Project) -> None:
    shown = recommendation(client.get("/console/").text)
    client.post("/console/click", {"item_id": "b07", "recommendation_id": shown, "scenario": "home", "position": "3"})
    row = project.events.history(visitor(client)).frame.row(0, named=True)
    assert (row["item_id"], row["event_type"], row["recommendation_id"], row["position"]) == ("b07", "click", shown, 3)
    assert row["scenario"] == "home"


def test_without_scripts_a_click_leads_back_to_the_front_page(client: ConsoleClient) -> None:
    answer = client.post("/console/click", {"item_id": "b03"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    past = client.get("/console/").text.partition('id="past-title"')[2]
    assert "The Cartographer" not in past.partition("</section>")[0]
    assert "Night Train to Trieste" in past.partition("</section>")[0]


def test_a_picture_leads_to_its_item_and_is_a_click(client: ConsoleClient, project: Project) -> None:
    shown = recommendation(client.get("/console/").text)
    answer = client.post("/console/click", {"item_id": "b07", "recommendation_id": shown, "open": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/item?id=b07&from={shown}")
    assert project.events.history(visitor(client)).frame["item_id"].to_list() == ["b07"]


def test_looking_as_somebody_else_records_nothing_until_one_wants_it(client: ConsoleClient, project: Project) -> None:
    before = len(project.events.history("reader-012"))
    client.post("/console/settings", {"record": "yes"})
    client.post("/console/become", {"user_id": "reader-012"})  # which switches it off again
    page = client.get("/console/").text
    assert 'action="/console/click"' not in page
    assert "you look as reader-012, and nothing that you do is recorded" in page
    assert client.post("/console/click", {"item_id": "b07", "open": "yes"}).headers["location"] == "/console/item?id=b07"
    assert client.post("/console/click", {"item_id": "b07"}).status_code == 400
    assert len(project.events.history("reader-012")) == before
    client.post("/console/settings", {"record": "yes"})
    assert 'action="/console/click"' in client.get("/console/").text
    client.post("/console/click", {"item_id": "b07"})
    assert len(project.events.history("reader-012")) == before + 1
    assert client.post("/console/settings", {"record": "no"}, headers=PART).headers["hx-refresh"] == "true"
    assert 'action="/console/click"' not in client.get("/console/").text


def test_part_of_a_page_is_answered_with_that_part(client: ConsoleClient) -> None:
    answer = client.post("/console/click", {"item_id": "b05", "shown": json.dumps(["b01"])}, headers=PART)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "Noted: “Seven Rivers North”." in answer.text
    assert 'hx-swap-oob="innerHTML"' in answer.text
    assert "<html" not in client.get("/console/search?q=night", headers=PART).text


@pytest.mark.parametrize("shown", ["", "{", '"x"', "[" * 50_000, "[1, null]"])
def test_a_list_of_shown_items_that_cannot_be_read_does_no_harm(client: ConsoleClient, shown: str) -> None:
    assert client.post("/console/click", {"item_id": "b05", "shown": shown}, headers=PART).status_code == 200


def test_why_names_the_past_choice(client: ConsoleClient) -> None:
    client.post("/console/click", {"item_id": "b05"})
    page = client.get("/console/").text
    item = re.search(r'name="item_id" value="(b\d\d)"', page)
    assert item
    why = client.get(f"/console/why?id={item[1]}&from={recommendation(page)}", headers=PART)
    assert "Seven Rivers North" in why.text
    stages = re.findall(r'<th scope="row">(\w+)</th><td>([\w-]+)', why.text)
    assert ("retrieve", "item-knn") in stages and ("filter", "seen") in stages and stages[-1][0] == "answer"
    assert client.get(f"/console/item?id={item[1]}&from={recommendation(page)}").text.count('class="why"') == 1


def test_a_visitor_is_random_and_can_start_over(client: ConsoleClient) -> None:
    first = client.get("/console/")
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/console/" in cookie
    before = client.http.cookies["penchant_visitor"]
    assert "set-cookie" not in client.get("/console/").headers
    client.post("/console/become")
    assert client.http.cookies["penchant_visitor"] != before
    client.post("/console/become", {"user_id": "reader-007"})
    assert "What would reader-007 like next?" in client.get("/console/").text


@pytest.mark.parametrize("cookie", ["%%%", "AAA", "/w==", "x" * 5_000])
def test_a_broken_cookie_makes_a_new_visitor(client: ConsoleClient, cookie: str) -> None:
    answer = client.get("/console/", headers={"cookie": f"penchant_visitor={cookie}"})
    assert answer.status_code == 200
    assert "penchant_visitor=" in answer.headers["set-cookie"]


def test_language_and_view_are_kept_and_lead_back(client: ConsoleClient) -> None:
    answer = client.post("/console/settings", {"language": "zh", "view": "lists", "back": "/console/search?q=night"})
    assert answer.headers["location"] == "/console/search?q=night"
    page = client.get("/console/").text
    assert 'lang="zh-Hans"' in page and 'class="rows"' in page
    for elsewhere in ("https://elsewhere.invalid/", "//elsewhere.invalid", "/\\elsewhere.invalid", "/v1/items", "javascript:1", ""):
        assert client.post("/console/settings", {"back": elsewhere}).headers["location"] == "/console/"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.invalid"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)
@pytest.mark.parametrize("path", ["click", "become", "settings", "login", "logout"])
def test_a_page_of_another_origin_cannot_write(path: str, headers: dict[str, str]) -> None:
    alone = ConsoleClient(create_console("http://127.0.0.1:1", key=KEY), headers)
    assert alone.post(f"/{path}", {"item_id": "b01"}).status_code == 403
    alone.close()


def test_what_is_not_there_is_said_kindly(client: ConsoleClient) -> None:
    for path in ("nowhere", "item", "item?id=nosuch", "why?id=b00&from=none"):
        answer = client.get(f"/console/{path}")
        assert answer.status_code == 404
        assert "Not found" in answer.text and "<nav" in answer.text
        assert "Choose it" not in answer.text


def test_an_item_that_only_events_know_has_a_page(client: ConsoleClient) -> None:
    client.post("/console/click", {"item_id": "bare/../?"})
    page = client.get("/console/item?id=bare/../%3F")
    assert page.status_code == 200
    assert "nothing about it but its id" in page.text and "bare/../?" in page.text


def test_an_empty_project_says_what_to_do(tmp_path: Path) -> None:
    with Project.create(tmp_path / "new") as project:
        fresh = ConsoleClient(build_site(project, Address()))
        assert "penchant import" in fresh.get("/console/").text
        assert "penchant train" in fresh.get("/console/models").text
        assert fresh.get("/console/data").status_code == 200
        assert fresh.get("/console/people").status_code == 200
        fresh.close()


@pytest.mark.parametrize("path", PAGES)
def test_without_an_api_each_page_says_so(path: str) -> None:
    alone = ConsoleClient(create_console("http://127.0.0.1:1"))
    answer = alone.get(f"/{path}")
    assert (answer.status_code, "cannot be reached" in answer.text) in ((503, True), (200, False))
    assert (answer.status_code == 200) == (path == "search")  # which asks nothing before there are words
    part = alone.post("/click", {"item_id": "b00"}, headers=PART)
    assert (part.status_code, part.headers["hx-retarget"]) == (503, "#status")
    alone.close()


@pytest.mark.parametrize("answer", [PlainTextResponse("oops", 500), JSONResponse([1]), PlainTextResponse("<html>", 200)])
def test_an_api_that_answers_nonsense_is_trouble_not_a_crash(answer: PlainTextResponse) -> None:
    alone = ConsoleClient(create_console(answer))
    page = alone.get("/")
    assert page.status_code == 503
    assert "in trouble" in page.text
    alone.close()


@pytest.mark.parametrize("answer", [{}, {"scenarios": 3, "events": [{}], "models": [1], "report": 5, "imports": {}, "stats": []}])
def test_an_answer_without_what_a_page_needs_is_trouble_too(answer: dict[str, object]) -> None:
    alone = ConsoleClient(create_console(JSONResponse(answer)))
    for path in PAGES:
        page = alone.get(f"/{path}")
        assert page.status_code in (200, 503)
        assert page.headers["content-security-policy"]
        assert (page.status_code == 503) == ("in trouble" in page.text)
        assert "Traceback" not in page.text
    alone.close()


def test_a_report_of_another_version_leaves_the_rest_of_the_page(project: Project) -> None:
    report = json.loads((project.dir / "report.json").read_text(encoding="utf-8"))
    alone = ConsoleClient(create_console(JSONResponse({"models": [], "report": {"results": report["results"]}})))
    page = alone.get("/models")
    assert page.status_code == 200
    assert "<table>" in page.text
    assert json.loads(to_text(report)) == report
    alone.close()


def test_the_badge_of_the_verdict_is_what_its_text_begins_with(project: Project) -> None:
    report = json.loads((project.dir / "report.json").read_text(encoding="utf-8"))
    report["verdict"] |= {"outcome": "undecided", "text": "The blend wins: …", "blend": {"outcome": "won"}}
    alone = ConsoleClient(create_console(JSONResponse({"models": [], "report": report})))
    assert '<span class="badge won">The blend wins</span> The blend wins: …' in alone.get("/models").text
    alone.close()


@pytest.fixture
def locked(project: Project) -> Iterator[ConsoleClient]:
    """A console of its own, in front of an API with the same key."""
    made = ConsoleClient(create_console(build_site(project, Address(key=KEY)), key=KEY))
    yield made
    made.close()


def test_with_a_key_every_page_leads_to_the_login(locked: ConsoleClient) -> None:
    for path in PAGES:
        answer = locked.get(f"/{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert locked.post("/click", {"item_id": "b00"}).headers["location"] == "/login"
    assert locked.get("/", headers=PART).headers["hx-redirect"] == "/login"
    assert locked.get("/static/console.css").status_code == 200


def test_the_key_opens_the_console_until_one_leaves(locked: ConsoleClient) -> None:
    wrong = locked.post("/login", {"key": "guess"})
    assert wrong.status_code == 403
    assert "not the key" in wrong.text
    answer = locked.post("/login", {"key": KEY})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert KEY not in cookie and "HttpOnly" in cookie and "SameSite=strict" in cookie
    token = locked.http.cookies["penchant_session"]
    assert locked.get("/").status_code == 200
    locked.post("/logout")
    assert locked.get("/", headers={"cookie": f"penchant_session={token}"}).status_code == 303


def test_a_mounted_console_has_its_login_at_its_own_place(project: Project) -> None:
    site = ConsoleClient(build_site(project, Address(key=KEY)))
    assert site.get("/console/data").headers["location"] == "/console/login"
    assert 'action="/console/login"' in site.get("/console/login").text
    site.post("/console/login", {"key": KEY})
    assert site.get("/console/data").status_code == 200
    assert site.get("/v1/data").status_code == 401  # the session opens the console, not the API
    site.close()


def test_pages_of_the_console_are_counted_as_its_own(client: ConsoleClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="penchant.access"):
        client.get("/console/models")
    assert [line.getMessage().split()[:3] for line in caplog.records][-1] == ["GET", "/console", "200"]


def test_an_idle_session_ends() -> None:
    now = 0.0
    sessions = Sessions(KEY, monotonic=lambda: now)
    assert sessions.open("wrong") is None
    token = sessions.open(KEY)
    assert token is not None
    now = IDLE_SECONDS
    assert sessions.knows(token)
    now = 2 * IDLE_SECONDS + 1
    assert not sessions.knows(token)
    assert not sessions.knows("anything")


def test_all_languages_have_the_same_words_and_places() -> None:
    english = texts_of("en")
    for language in LANGUAGES:
        texts = texts_of(language)
        assert list(texts) == list(english)
        for key, text in texts.items():
            assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", english[key])), key


def a_verdict(large: float, simple: float, blend: float, members: list[str]) -> str:
    """What is said of models that hit with these chances."""
    rng = np.random.default_rng(1)
    chances = {"hstu": ("large", large), "ease": ("simple", simple), "auto": ("blend", blend)}
    scores = {model: (rng.random(400) < chance).astype(float) for model, (_, chance) in chances.items() if chance}
    results: list[dict[str, Any]] = [
        {"model": model, "kind": chances[model][0], "metrics": {"ndcg@10": values.mean()}, "members": members}
        for model, values in scores.items()
    ]
    found = with_blend(verdict(results, scores, metric="ndcg@10"), results, scores, metric="ndcg@10")
    text: str = with_history(found, scores, np.arange(400) > 9)["text"]
    return text


@pytest.mark.parametrize(
    ("large", "simple", "blend", "members"),
    [
        (0.5, 0.2, 0.9, ["hstu", "ease"]),
        (0.2, 0.5, 0.1, ["hstu", "ease"]),
        (0.3, 0.3, 0.3, ["hstu", "ease"]),
        (0.5, 0.2, 0.5, ["hstu"]),
        (0.5, 0.0, 0.0, []),
        (0.0, 0.5, 0.4, ["hstu"]),
    ],
)
def test_a_verdict_is_told_in_chinese(large: float, simple: float, blend: float, members: list[str]) -> None:
    text = a_verdict(large, simple, blend, members)
    told = Words("zh").said(text)
    assert Words("en").said(text) == text.replace("\N{NO-BREAK SPACE}", " ")
    assert set(re.findall("[A-Za-z]+", told)) <= {"hstu", "ease", "auto", "NDCG", "p"}, told
    assert re.findall(r"\d+\.\d+", told) == re.findall(r"\d+\.\d+", text)


def test_the_steps_of_cleaning_are_told_in_chinese(client: ConsoleClient) -> None:
    page = client.get("/console/data", headers={"accept-language": "zh"}).text
    steps = re.findall(r'<th scope="row">([^<]*)<span class="small">([^<]*)<', page)
    assert len(steps) > 5
    assert not [step for step in steps if re.search(r"[a-z]{3,}", " ".join(step))]


def test_the_axes_of_charts_are_told_in_chinese(client: ConsoleClient) -> None:
    page = client.get("/console/models", headers={"accept-language": "zh"}).text
    written = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert {text for text in written if " " in text and not text.startswith("n = ")} <= {"NDCG@10 →"} | {f"{tick} %" for tick in range(101)}
    assert {Words("zh")(f"chart.{chart}.axis") for chart in ("history", "frequency")} <= set(written)
    assert not {"epoch", Words("en")("chart.history.axis")} & set(written)


def test_every_word_that_a_page_wants_is_there_and_none_is_left_over() -> None:
    folder = Path(str(files("penchant.console")))
    source = "".join(path.read_text(encoding="utf-8") for path in (*folder.glob("templates/*.html"), *folder.glob("*.py")))
    wanted = set(re.findall(r'\bt\("([\w. -]+)"[,)]', source)) | set(re.findall(r"\bt\('([\w. -]+)'[,)]", source))
    assert wanted <= set(texts_of("en"))
    made_up = ("verdict.", "stages.", "chart.", "stats.", "trouble.", "view.", "nav.", "from.", "rejects.")
    assert {key for key in texts_of("en") if not key.startswith(made_up)} <= wanted


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("zh", "en", "zh"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "fr, zh;q=0.4, en;q=0.5", "en"),
        ("xx", "", "en"),
        ("", "zh;q=0, de", "en"),
        ("", "zh;q=oops", "en"),
        ("", ";;;,,,=", "en"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_one_the_browser_likes(chosen: str, accepted: str, language: str) -> None:
    assert choose(chosen, accepted) == language
