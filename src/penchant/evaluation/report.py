"""The report: plain JSON without NaN, and one HTML file that needs nothing else."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from penchant.data import Dataset
from penchant.data.split import Split
from penchant.data.times import in_words
from penchant.evaluation import charts
from penchant.evaluation.buckets import buckets
from penchant.evaluation.evaluate import Evaluation
from penchant.evaluation.protocol import Protocol
from penchant.evaluation.significance import confidence
from penchant.evaluation.verdict import headline, verdict, with_blend, with_history
from penchant.metrics import LOWER_IS_BETTER, METRICS

# Everything in a report is JSON, hence `Any` throughout this module.

ACCURACY = ("ndcg", "hit_rate", "recall", "precision", "f1", "mrr", "map", "auc")  # in a table of their own

BADGES = {"won": "the large model wins", "lost": "the large model does not win", "undecided": "undecided", "no contest": "no contest"}
BADGES |= {"blend won": "the blend wins", "blend lost": "the blend loses", "blend undecided": "undecided"}


def report_of(
    dataset: Dataset, protocol: Protocol, split: Split, results: Sequence[dict[str, Any]], judged: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """{"dataset", "protocol", "results", "verdict"}: `results` as `result_of` made them, `judged` by their model names."""
    metric = f"ndcg@{protocol.at}"
    scores = {model: evaluation.scores[metric] for model, evaluation in judged.items()}
    first = next(iter(judged.values()))
    reach = {
        "requests": len(first),
        "cold_requests": int((first.history_lengths == 0).sum()),
        "targets": len(first.targets.values),
        "targets_seen_before": int(first.unreachable.sum()),
        "items_alike_when_they": first.ranking.facts.alike,
    }
    contest = verdict(results, scores, metric=metric, seed=protocol.seed)
    contest = with_blend(contest, results, scores, metric=metric, seed=protocol.seed)
    found = {
        "dataset": dataset_json(dataset),
        "protocol": protocol.as_json(split) | reach,
        "results": list(results),
        "verdict": with_history(contest, scores, first.history_lengths > 0),
    }
    cleaned: dict[str, Any] = finite(found)
    return cleaned


def dataset_json(dataset: Dataset) -> dict[str, Any]:
    """What was evaluated on: counts, time span, and what reading and cleaning found."""
    events = dataset.interactions
    active, met = int((events.lengths > 0).sum()), len(np.unique(events.items))
    facts: dict[str, Any] = {key: dataset.facts[key] for key in ("files", "cleaning", "decisions", "rejects") if key in dataset.facts}
    return {
        "name": dataset.name,
        "n_users": active,
        "n_items": dataset.n_items,
        "n_items_met": met,
        "n_events": dataset.n_events,
        "density": dataset.n_events / (active * met) if dataset.n_events else None,
        "median_history": float(np.median(events.lengths[events.lengths > 0])) if active else None,
        "first": in_words(int(events.timestamps.min())) if dataset.n_events else None,
        "last": in_words(int(events.timestamps.max())) if dataset.n_events else None,
        "fingerprint": dataset.fingerprint,
        **facts,
    }


def result_of(model: str, evaluation: Evaluation, *, seed: int = 0, **facts: Any) -> dict[str, Any]:
    """One model's line of the report; `facts` are added as they are: kind, config, fit_seconds, curve …"""
    result: dict[str, Any] = finite(
        {
            "model": model,
            "metrics": evaluation.metrics,
            "confidence": {name: list(interval) for name, interval in confidence(evaluation.scores, seed=seed).items()},
            "buckets": buckets(evaluation, seed=seed),
            "evaluate_seconds": round(evaluation.seconds, 3),
            **facts,
        }
    )
    return result


def finite(value: Any) -> Any:
    """The same JSON value, with None in place of what JSON cannot say: NaN and infinity."""
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_text(report: Mapping[str, Any]) -> str:
    """The report as JSON text."""
    return json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False)


def write_json(report: Mapping[str, Any], path: Path) -> None:
    """Write the report as JSON, whole or not at all."""
    _write(Path(path), to_text(report) + "\n")


def write_html(report: Mapping[str, Any], path: Path) -> None:
    """Write the report as one HTML file, whole or not at all."""
    _write(Path(path), to_html(report))


def to_html(report: Mapping[str, Any]) -> str:
    """One self-contained page: no script, no request, light and dark, readable on a phone. Everything from the report is escaped."""
    environment = Environment(
        loader=PackageLoader("penchant.evaluation"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    metric = charts.main_metric(report)
    names = list(report["results"][0]["metrics"]) if report["results"] else []
    return environment.get_template("report.html").render(
        report=report,
        metric=metric,
        spelled=charts.spelled,
        badge=BADGES[headline(report["verdict"])],
        tone=headline(report["verdict"]).removeprefix("blend "),
        metrics=names,
        accuracy=[name for name in names if name.partition("@")[0] in ACCURACY],
        beyond=[name for name in names if name.partition("@")[0] not in ACCURACY],
        best={name: _best(report["results"], name) for name in names},
        ranked=sorted(report["results"], key=lambda result: -(result["metrics"].get(metric) or 0)),
        colours=charts.colours(report),
        meanings={name: _meaning(name) for name in names},
        charts={name: Markup(drawn) for name, drawn in _charts(report).items()},  # made by us, names escaped by `drawing`
    )


def _charts(report: Mapping[str, Any]) -> dict[str, str]:
    return {
        "bars": charts.metric_bars(report),
        "coverage": charts.accuracy_coverage(report),
        "history": charts.bucket_lines(report, "history_length"),
        "frequency": charts.bucket_lines(report, "item_frequency"),
        "loss": charts.training_curves(report, "loss"),
        "validation": charts.training_curves(report, "ndcg@10"),
    }


def _best(results: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values: list[float] = [result["metrics"][name] for result in results if result["metrics"].get(name) is not None]
    if not values or len(results) < 2:
        return None
    return min(values) if name.partition("@")[0] in LOWER_IS_BETTER else max(values)


def _meaning(name: str) -> str:
    """What a metric means: the first line of its docstring."""
    metric = name.partition("@")[0]
    text = (METRICS.load(metric).__doc__ or "").partition("\n")[0]
    return f"{text} Less is better." if metric in LOWER_IS_BETTER else text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.part")
    staging.write_text(text, encoding="utf-8")
    os.replace(staging, path)
