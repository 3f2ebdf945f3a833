import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from penchant.cli import build_app
from penchant.data.options import ReadOptions
from penchant.data.public_sets import PUBLIC_SETS
from penchant.data.sources import SOURCES
from penchant.metrics import METRICS
from penchant.models import MODELS
from penchant.scenarios.config import ProjectTable
from penchant.scenarios.kinds import KINDS
from penchant.scenarios.scenario import Scenario
from penchant.scenarios.templates import TEMPLATES, scenarios_of
from penchant.serving.routes import ENDPOINTS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
PAGES = [*READMES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    nested = getattr(command, "commands", None)
    if nested is None:
        yield " ".join(path), command
        return
    for name, each in nested.items():
        yield from leaves(each, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(build_app())))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_documented(command: str) -> None:
    page = text_of("reference/commands.md")
    heading = f"## `penchant {command}`\n"
    assert heading in page
    section = page.partition(heading)[2].partition("\n## ")[0]
    options = [name for each in COMMANDS[command].params for name in each.opts if name.startswith("-")]
    assert [name for name in options if name not in section] == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_every_endpoint_is_documented(endpoint: Any) -> None:
    page = text_of("reference/http.md")
    assert f"## `{endpoint.method} {endpoint.path}`\n" in page or endpoint.path == "/openapi.json"


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_documented_with_its_paper_and_settings(name: str) -> None:
    if name not in ("popular", "last-item", "item-knn", "user-knn", "ease", "als"):
        pytest.importorskip("torch", reason=f"{name} needs torch")
    section = text_of("reference/models.md").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    kind: type[BaseModel] = MODELS.load(name).Config
    assert [setting for setting in kind.model_fields if f"`{setting}`" not in section] == []
    assert all(f"**{part}:**" in section for part in ("Reference", "Differs", "Cost"))
    assert f"[{name}](reference/models.md#{name}) |  |" not in text_of("papers.md")
    assert f"[{name}](reference/models.md#{name})" in text_of("papers.md")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_documented_with_its_source(name: str) -> None:
    section = text_of("reference/metrics.md").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert "**Source:**" in section
    assert f"[{name}](reference/metrics.md#{name})" in text_of("papers.md")


@pytest.mark.parametrize("kind", [Scenario, ReadOptions, ProjectTable], ids=lambda kind: kind.__name__)
def test_every_setting_is_documented(kind: type[BaseModel]) -> None:
    page = text_of("reference/configuration.md")
    assert [name for name in kind.model_fields if f"`{name}`" not in page and f"{name} =" not in page] == []


def test_every_kind_template_format_and_data_set_is_documented() -> None:
    settings, sets, commands = (text_of(f"reference/{page}.md") for page in ("configuration", "data-sets", "commands"))
    assert [name for name in (*KINDS, *TEMPLATES) if f"`{name}`" not in settings] == []
    assert [name for name in PUBLIC_SETS if f"`{name}`" not in sets] == []
    assert [name for name in SOURCES if name not in commands] == []


def slug(heading: str) -> str:
    """The anchor of a heading, as mkdocs and code hosts make it for the headings that are used here."""
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower()))


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_first_steps_list_the_places_of_every_template(template: str) -> None:
    places = ", ".join(f"`{name}`" for name in scenarios_of(template))
    assert f"| `{template}` | {places} |" in text_of("start.md")


@pytest.mark.parametrize("page", [*READMES, DOCS / "start.md"], ids=lambda page: page.name)
def test_the_first_pages_ask_for_places_that_their_template_has(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    (template,) = set(re.findall(r"penchant init --template (\w+)", text))
    asked = set(re.findall(r"/v1/recommend/([a-z]+)", text))
    assert {"home", "cart"} <= asked <= set(scenarios_of(template))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_internal_link_resolves(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{page.name} leads to {link}, which is not there"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name} leads to {link}: no such heading"


def shown_commands(page: Path) -> set[str]:
    """The `penchant …` lines of the shell blocks of a page."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return {line.partition("#")[0].strip().partition("penchant ")[2] for line in lines if re.match(r"(\w+=\S.* )?penchant ", line)}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "reference"], ids=lambda page: page.name)
def test_commands_that_a_page_shows_exist_with_their_options(page: Path) -> None:
    for line in shown_commands(page):
        words = shlex.split(line)
        name = next((known for known in COMMANDS if words[: len(known.split())] == known.split()), None)
        assert name is not None, f"{page.name} shows `penchant {line}`: no such command"
        known = {option for each in COMMANDS[name].params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert given <= known, f"{page.name} shows `penchant {line}`: no option {sorted(given - known)}"


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_a_readme_begins_with_the_two_commands(page: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [line.partition("#")[0].strip() for line in blocks[0].splitlines()] == ["make demo", "make test"]
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^demo:", targets, flags=re.MULTILINE) and re.search(r"^test:", targets, flags=re.MULTILINE)


def test_both_readmes_show_the_same_commands() -> None:
    assert shown_commands(READMES[0]) == shown_commands(READMES[1])


def test_every_test_file_that_a_promise_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", text_of("reference/reliability.md"))
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_file_that_contributors_are_sent_to_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = [path for path in re.findall(r"`((?:src|tests|scripts)/[\w/.]+)`", text) if "NAME" not in path]
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page for page in DOCS.rglob("*.md") if str(page.relative_to(DOCS)) not in navigation] == []


def test_a_stale_page_is_named_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import reference

    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(reference, "PAGES", {"errors.md": reference.error_tree})
    monkeypatch.setattr(sys, "argv", ["reference.py"])
    assert reference.main() == 0
    monkeypatch.setattr(sys, "argv", ["reference.py", "--check"])
    assert reference.main() == 0
    (tmp_path / "errors.md").write_text("old")
    assert reference.main() == 1
    assert "docs/errors.md differs from the code; run: python scripts/reference.py" in capsys.readouterr().err
