"""The report: JSON without NaN, a verdict that is true, and a page that is whole, safe and readable by machines too."""

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from penchant.data import Dataset
from penchant.evaluation import charts
from penchant.evaluation.evaluate import evaluate
from penchant.evaluation.protocol import Protocol
from penchant.evaluation.report import finite, report_of, result_of, to_html, to_text, write_html, write_json
from penchant.evaluation.verdict import verdict, with_blend, with_history
from penchant.models import EASE, ItemKNN, Popular

ATTACK = "<script>alert('x')</script>\"&{{7*7}}"


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in rng.integers(0, 60, 900)],
            "item_id": [f"i{n}" for n in np.minimum(rng.geometric(0.05, 900), 60)],
            "timestamp": rng.integers(0, 10**12, 900),
        }
    )
    cleaning = [{"step": "missing ids", "rows_in": 900, "touched": 0, "removed": 0, "why": ATTACK}]
    dataset = Dataset.from_events(frame, name=f"shop {ATTACK}", facts={"cleaning": cleaning, "decisions": [ATTACK]})
    protocol = Protocol()
    split = protocol.split(dataset)
    judged, results = {}, []
    for name, model in ((f"popular {ATTACK}", Popular()), ("ease", EASE()), ("item-knn", ItemKNN())):
        judged[name] = evaluate(model.fit(split.train), split.test)
        large = {"kind": "large", "curve": [{"epoch": e, "loss": 5.0 - e, "ndcg@10": e / 100} for e in (1.0, 2.0, 3.0)]}
        more = large if name == "item-knn" else {"kind": "simple"}
        results.append(result_of(name, judged[name], fit_seconds=0.1, config={"a": ATTACK}, **more))
    made = report_of(dataset, protocol, split, results, judged)
    made["protocol"]["skipped"] = [{"model": "als", "reason": ATTACK}]
    return made


def test_the_json_has_the_promised_shape(report: dict[str, Any]) -> None:
    assert list(report) == ["dataset", "protocol", "results", "verdict"]
    for result in report["results"]:
        assert {"model", "metrics", "confidence", "buckets", "fit_seconds", "evaluate_seconds"} <= set(result)
        low, high = result["confidence"]["ndcg@10"]
        assert low <= result["metrics"]["ndcg@10"] <= high
        assert {"history_length", "item_frequency"} == set(result["buckets"])
    assert json.loads(to_text(report)) == report


def test_what_json_cannot_say_is_null() -> None:
    assert finite({"a": [float("nan"), 1.0], "b": (float("inf"), {"c": -float("inf")})}) == {"a": [None, 1.0], "b": [None, {"c": None}]}


def test_files_are_written_whole(report: dict[str, Any], tmp_path: Path) -> None:
    write_json(report, tmp_path / "deep" / "report.json")
    write_html(report, tmp_path / "deep" / "report.html")
    assert json.loads((tmp_path / "deep" / "report.json").read_text(encoding="utf-8")) == report
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["report.html", "report.json"]


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_needs_nothing_from_elsewhere(report: dict[str, Any]) -> None:
    page = to_html(report)
    tags = Page(page).tags
    assert not [tag for tag, _ in tags if tag in ("script", "link", "img", "iframe", "object", "embed", "form")]
    assert not [attributes for _, attributes in tags if {"src", "href", "onclick", "onerror"} & set(attributes)]
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)


def test_names_stay_text(report: dict[str, Any]) -> None:
    page = to_html(report)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "{{7*7}}" in page


def test_the_data_are_told_also_where_nothing_was_cleaned(report: dict[str, Any]) -> None:
    def told(dataset: dict[str, Any]) -> str:
        return to_html(report | {"dataset": dataset}).partition("<h2>The data</h2>")[2].partition("<h2>")[0]

    facts = {name: value for name, value in report["dataset"].items() if name not in ("cleaning", "decisions")}
    assert "900 events from" in told(facts) and "<table" not in told(facts)
    assert "what an import found and removed is in its own report" in told(facts)
    assert "<table" in told(report["dataset"]) and "in its own report" not in told(report["dataset"])
    assert "7 rows could not be used" in told(facts | {"rejects": {"count": 7}})


def test_tables_name_their_rows_and_columns(report: dict[str, Any]) -> None:
    tags = Page(to_html(report)).tags
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in tags if tag == "th")
    assert sum(tag == "caption" for tag, _ in tags) == sum(tag == "table" for tag, _ in tags) == 3
    assert any(tag == "html" and attributes.get("lang") == "en" for tag, attributes in tags)


def drawn(report: dict[str, Any]) -> list[str]:
    return [
        charts.metric_bars(report),
        charts.metric_bars(report, "auc"),
        charts.accuracy_coverage(report),
        charts.bucket_lines(report, "history_length"),
        charts.bucket_lines(report, "item_frequency"),
        charts.training_curves(report, "loss"),
        charts.training_curves(report, "ndcg@10"),
    ]


def test_every_chart_is_well_formed_and_says_in_words_what_it_shows(report: dict[str, Any]) -> None:
    for chart in drawn(report):
        root = ElementTree.fromstring(chart)
        title, description, *_ = root
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text and description.text
        assert "style" not in chart
        for node in root.iter():
            for name in ("x", "y", "cx", "cy", "x1", "x2", "y1", "y2", "width", "height"):
                value = node.get(name)
                if value is not None and not value.endswith("%"):
                    assert -5 <= float(value) <= 800, (node.tag, name, value)


def test_charts_survive_thin_reports(report: dict[str, Any]) -> None:
    thin = copy.deepcopy(report)
    thin["results"] = thin["results"][:1]
    result = thin["results"][0]
    result["metrics"] = dict.fromkeys(result["metrics"], 0.0) | {"auc": None}
    result["confidence"] = {}
    for buckets in result["buckets"].values():
        for bucket in buckets:
            bucket["metrics"], bucket["confidence"] = dict.fromkeys(bucket["metrics"], 0.0), {}
    for chart in drawn(thin):
        assert not chart or ElementTree.fromstring(chart) is not None
    assert charts.training_curves(thin, "loss") == ""
    to_html(thin)


def test_a_model_has_one_colour_in_all_charts(report: dict[str, Any]) -> None:
    colours = charts.colours(report)
    assert colours["item-knn"] == charts.LARGE[0]
    assert len(set(colours.values())) == len(report["results"])


def contest(large: float, simple: float, requests: int = 400) -> dict[str, Any]:
    """A verdict on models that hit with these chances."""
    rng = np.random.default_rng(1)
    scores = {"big": (rng.random(requests) < large).astype(float), "small": (rng.random(requests) < simple).astype(float)}
    kinds = {"big": "large", "small": "simple"}
    results = [{"model": name, "kind": kinds[name], "metrics": {"ndcg@10": values.mean()}} for name, values in scores.items()]
    return verdict(results, scores, metric="ndcg@10")


def test_the_verdict_is_honest_when_the_large_model_wins() -> None:
    found = contest(0.5, 0.2)
    assert found["outcome"] == "won"
    assert found["text"].startswith("The large model wins: big reaches NDCG@10 0.")
    assert found["p"] < 0.05 and found["interval"][0] > 0


def test_the_verdict_is_honest_when_the_large_model_loses() -> None:
    found = contest(0.2, 0.5)
    assert found["outcome"] == "lost"
    assert "does not win" in found["text"] and "Use small" in found["text"]
    assert found["difference"] < 0


def test_the_verdict_is_honest_when_it_cannot_tell() -> None:
    found = contest(0.30, 0.30)
    assert found["outcome"] == "undecided"
    assert "may be chance" in found["text"]


def test_without_a_large_model_the_best_two_are_compared() -> None:
    scores = {"a": np.ones(50), "b": np.zeros(50), "c": np.zeros(50)}
    results = [{"model": name, "kind": "simple", "metrics": {"ndcg@10": values.mean()}} for name, values in scores.items()]
    found = verdict(results, scores, metric="ndcg@10")
    assert (found["outcome"], found["large"], found["simple"]) == ("no contest", None, "a")
    assert "Only simple models" in found["text"]
    alone = verdict(results[:1], scores, metric="ndcg@10")
    assert "only model" in alone["text"] and alone["p"] is None


@pytest.mark.parametrize(
    ("blend", "outcome", "words"),
    [(0.9, "won", "The blend wins: mix"), (0.1, "lost", "The blend loses: mix"), (0.5, "undecided", "may be chance")],
)
def test_the_verdict_says_whether_a_blend_wins(blend: float, outcome: str, words: str) -> None:
    rng = np.random.default_rng(0)
    scores = {"mix": rng.random(400) * blend * 2, "one": rng.random(400), "other": rng.random(400) * 0.2}
    kinds = {"mix": "blend", "one": "large", "other": "simple"}
    results = [{"model": name, "kind": kinds[name], "metrics": {"ndcg@10": values.mean()}} for name, values in scores.items()]
    found = with_blend(verdict(results, scores, metric="ndcg@10"), results, scores, metric="ndcg@10")
    assert found["blend"]["outcome"] == outcome
    assert words in found["text"]
    assert found["text"].endswith(verdict(results, scores, metric="ndcg@10")["text"])
    alone = with_blend(verdict(results[:2], scores, metric="ndcg@10"), results[:2], scores, metric="ndcg@10")
    assert "only model" not in alone["text"]


def judged(members: list[str]) -> dict[str, Any]:
    """A verdict on a blend with these members that is as good as the large model, which wins."""
    rng = np.random.default_rng(0)
    scores = {"big": rng.random(400), "small": rng.random(400) * 0.2}
    scores["auto"] = scores["big"]
    kinds = {"auto": "blend", "big": "large", "small": "simple"}
    results = [{"model": name, "kind": kinds[name], "metrics": {"ndcg@10": values.mean()}} for name, values in scores.items()]
    results[-1]["members"] = members
    return with_blend(verdict(results, scores, metric="ndcg@10"), results, scores, metric="ndcg@10")


def test_a_blend_of_one_model_is_said_to_be_that_model() -> None:
    found = judged(["big"])
    assert "may be chance" not in found["text"]
    assert re.search(r"The blend kept one model, big: auto reaches NDCG@10 0\.\d{4}\.$", found["text"])
    assert found["blend"]["outcome"] == "alone"
    assert "may be chance" in judged(["big", "small"])["text"]


def test_the_badge_says_what_the_text_begins_with(report: dict[str, Any]) -> None:
    for found, begins, badge in (
        (judged(["big"]), "The large model wins", "the large model wins"),
        (judged(["big", "small"]), "Undecided", "undecided"),
        (report["verdict"] | {"outcome": "undecided", "text": "The blend wins: …", "blend": {"outcome": "won"}}, "", "the blend wins"),
    ):
        page = to_html(report | {"verdict": found})
        assert found["text"].startswith(begins)
        assert f'<span class="badge">{badge}</span>' in page
        assert f'<section class="verdict {"undecided" if begins == "Undecided" else "won"}"' in page


def test_the_verdict_names_the_best_where_there_is_a_history() -> None:
    scores = {"warm": np.repeat([0.0, 0.9], [30, 20]), "cold": np.repeat([0.8, 0.1], [30, 20])}
    results = [{"model": name, "kind": "simple", "metrics": {"ndcg@10": values.mean()}} for name, values in scores.items()]
    plain = verdict(results, scores, metric="ndcg@10")
    found = with_history(plain, scores, np.repeat([False, True], [30, 20]))
    assert plain["simple"] == "cold"
    assert found["text"].endswith("Of the 20 requests with a history alone, warm is best with 0.9000.")
    assert with_history(plain, scores, np.ones(50, dtype=bool)) == plain


def test_a_large_model_that_finds_nothing_where_nobody_does_is_undecided() -> None:
    found = contest(0.0, 0.0)
    assert found["outcome"] == "undecided"
