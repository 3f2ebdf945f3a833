import tomllib
from pathlib import Path

import pytest

from penchant.core.errors import ConfigError
from penchant.scenarios.config import ProjectConfig, default_toml, read_config
from penchant.scenarios.kinds import KINDS
from penchant.scenarios.scenario import Scenario
from penchant.scenarios.templates import TEMPLATES


def problems_of(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_written_file_says_exactly_the_defaults(template: str, tmp_path: Path) -> None:
    path = tmp_path / "penchant.toml"
    path.write_text(default_toml(template), encoding="utf-8")
    assert read_config(path) == ProjectConfig.of_template(template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_written_file_shows_and_explains_every_setting(template: str) -> None:
    text = default_toml(template)
    for table in tomllib.loads(text)["scenarios"].values():
        assert set(table) == set(Scenario.model_fields)
    for name, field in Scenario.model_fields.items():
        assert field.description
        assert f"#   {name} " in text
    assert all(len(line) <= 140 for line in text.splitlines())


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_can_search_rank_and_find_similar_items(template: str) -> None:
    kinds = {scenario.kind for scenario in ProjectConfig.of_template(template).scenarios.values()}
    assert kinds >= {"for-you", "similar", "trending", "search", "rank"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_all_that_a_scenario_needs(kind: str) -> None:
    scenario = Scenario.of(kind)
    assert scenario.retrievers
    assert scenario.title
    assert scenario.title_zh


def test_what_is_left_out_comes_from_the_kind(tmp_path: Path) -> None:
    path = tmp_path / "penchant.toml"
    path.write_text('[models.auto]\n[models.popular]\n[scenarios.home]\nkind = "for-you"\nn = 3\n', encoding="utf-8")
    assert read_config(path).scenarios["home"] == Scenario.of("for-you", n=3)


def test_every_problem_is_reported_at_once_with_the_nearest_name(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path / "penchant.toml",
        """
        [project]
        nmae = "shop"
        [models.sasrec]
        model = "sasrek"
        [models.popular]
        [models.deep]
        epochs = 3
        [scenarios.home]
        kind = "foryou"
        retrievers = ["sasrec"]
        [scenarios.product]
        kind = "similar"
        n = 0
        retrievers = ["sasrce"]
        falback = []
        fallback = ["wrods"]
        [sceanrios.x]
        kind = "rank"
        """,
    )
    expected = [
        "project.nmae: no such setting; did you mean 'name'?",
        "models.sasrec.model: no model 'sasrek'; did you mean 'sasrec'?",
        "models.deep.model: is missing, and 'deep' is no model;",
        "scenarios.home.kind: no kind 'foryou'; did you mean 'for-you'?",
        "scenarios.product.n: Input should be greater than or equal to 1; received: 0",
        "scenarios.product.falback: no such setting; did you mean 'fallback'?",
        "scenarios.product.retrievers: no model 'sasrce'; did you mean 'sasrec'?",
        "scenarios.product.fallback: no model 'wrods'; did you mean 'words'?",
        "sceanrios: no such setting; did you mean 'scenarios'?",
    ]
    for each in expected:
        assert any(problem.startswith(each) for problem in problems), (each, problems)
    assert len(problems) == len(expected)


def test_wrong_types_are_named(tmp_path: Path) -> None:
    problems = problems_of(tmp_path / "penchant.toml", 'models = 3\n[scenarios]\nhome = "for-you"\n')
    assert any(problem.startswith("models: ") for problem in problems)
    assert any(problem.startswith("scenarios.home: ") for problem in problems)


def test_names_must_fit_into_addresses(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "penchant.toml", '[models.auto]\n[models.popular]\n[scenarios."a/b"]\nkind = "for-you"\n')
    assert "a/b" in problem


def test_a_file_without_places_is_told_what_to_add(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "penchant.toml", "")[-1] == 'scenarios: there is none; add a table [scenarios.home] with kind = "for-you"'


@pytest.mark.parametrize(("content", "what"), [(b"[project\n", "not TOML"), (b'name = "\xff"', "not UTF-8 at byte 8")])
def test_a_file_that_cannot_be_read_is_named(content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "penchant.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=what):
        read_config(path)


def test_an_unknown_template_is_told_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no such template 'shops'; did you mean 'shop'"):
        default_toml("shops")
