"""Plain sentences: did the large model win against the best simple one, the blend against the best of both, and can that be chance?"""

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.core.types import BoolArray
from penchant.evaluation.charts import spelled
from penchant.evaluation.significance import Comparison, compare
from penchant.metrics.ranking import Values

Result = Mapping[str, Any]  # JSON, hence `Any`


def verdict(results: Sequence[Result], scores: Mapping[str, Values], *, metric: str, seed: int = 0) -> dict[str, Any]:
    """The comparison that matters, with `outcome` "won", "lost", "undecided" or "no contest", and its `text`.

    `scores` hold each model's `metric` [B] on the same requests. Compared are the best large and the best simple model; where one
    kind is missing, the best two; a blend of models stays out of it (see `with_blend`). `Any`: JSON.
    """
    ranked = sorted(results, key=lambda result: -result["metrics"][metric])
    ranked = [result for result in ranked if result["kind"] != "blend"] or ranked
    large = [result for result in ranked if result["kind"] == "large"]
    simple = [result for result in ranked if result["kind"] == "simple"]
    first, second = (large[0], simple[0]) if large and simple else (ranked[0], ranked[1] if len(ranked) > 1 else None)
    found: dict[str, Any] = {"metric": metric, "requests": len(scores[first["model"]])}
    found |= {"large": large[0]["model"] if large else None, "simple": simple[0]["model"] if simple else None}
    if second is None:
        text = f"{_value(first, metric)}. It was the only model, so there is nothing to compare it with."
        return {"outcome": "no contest", "text": text, **found, "difference": None, "interval": None, "p": None}
    comparison = compare(scores[first["model"]], scores[second["model"]], seed=seed)
    numbers = {"difference": comparison.difference, "interval": [comparison.low, comparison.high], "p": comparison.p}
    if large and simple:
        outcome = "undecided" if not comparison.significant else "won" if comparison.difference > 0 else "lost"
        return {"outcome": outcome, "text": _contest(outcome, first, second, comparison, metric), **found, **numbers}
    kind = first["kind"]
    text = f"Only {kind} models were compared: {_value(first, metric)}, ahead of {second['model']} with {second['metrics'][metric]:.4f}"
    sure = "a real difference" if comparison.significant else "a difference that may be chance"
    return {"outcome": "no contest", "text": f"{text}; {sure} ({_test(comparison)}).", **found, **numbers}


def with_blend(
    found: Mapping[str, Any], results: Sequence[Result], scores: Mapping[str, Values], *, metric: str, seed: int = 0
) -> dict[str, Any]:
    """The verdict, preceded by whether the best blend beats the best single model, if there are both; instead of "no contest".

    A blend that kept that model alone, as its `members` say, is no rival to it: its outcome is "alone", told last. `Any`: JSON.
    """
    ranked = sorted(results, key=lambda result: -result["metrics"][metric])
    blends, others = ([result for result in ranked if (result["kind"] == "blend") is blend] for blend in (True, False))
    if not blends or not others:
        return dict(found)
    blend, best = blends[0], others[0]
    comparison = compare(scores[blend["model"]], scores[best["model"]], seed=seed)
    numbers = f"{_value(blend, metric)}, the best single model, {best['model']}, {best['metrics'][metric]:.4f}"
    apart = f"{abs(comparison.difference):.4f}"
    if blend.get("members") == [best["model"]]:
        outcome, text = "alone", f"The blend kept one model, {best['model']}: {_value(blend, metric)}."
    elif not comparison.significant:
        outcome, text = "undecided", f"Undecided, the blend: {numbers}. The difference of {apart} may be chance ({_test(comparison)})."
    elif comparison.difference > 0:
        outcome, text = "won", f"The blend wins: {numbers}. The gain of {apart} is not chance ({_test(comparison)})."
    else:
        outcome, text = "lost", f"The blend loses: {numbers}. It is behind by {apart}, and that is not chance ({_test(comparison)})."
    told = {"model": blend["model"], "best": best["model"], "outcome": outcome, "difference": comparison.difference}
    told |= {"interval": [comparison.low, comparison.high], "p": comparison.p}
    if found["outcome"] != "no contest":
        text = f"{found['text']} {text}" if outcome == "alone" else f"{text} {found['text']}"
    return {**found, "text": text, "blend": told}


def headline(found: Mapping[str, Any]) -> str:
    """What the verdict's text begins with: an `outcome`, after "blend " where it is that of the blend. `Any`: JSON."""
    blend = found.get("blend") or {}
    told_first: str = found["outcome"] if blend.get("outcome", "alone") == "alone" else f"blend {blend['outcome']}"
    return told_first


def with_history(found: Mapping[str, Any], scores: Mapping[str, Values], warm: BoolArray) -> dict[str, Any]:
    """The verdict, completed by who is best where there is a history, if some requests [B] have none. `Any`: JSON."""
    if warm.all() or not warm.any():
        return dict(found)
    means = {model: float(values[warm].mean()) for model, values in scores.items()}
    best = max(means, key=lambda model: means[model])
    n = int(warm.sum())
    text = f"{found['text']} Of the {n:,} requests with a history alone, {best} is best with {means[best]:.4f}."
    return {**found, "text": text, "with_history": {"requests": n, "best": best, "value": means[best]}}


def _contest(outcome: str, large: Result, simple: Result, comparison: Comparison, metric: str) -> str:
    ours, theirs = large["metrics"][metric], simple["metrics"][metric]
    numbers = f"{_value(large, metric)}, the best simple model, {simple['model']}, {theirs:.4f}"
    apart = f"{abs(comparison.difference):.4f}" + (f" ({100 * abs(ours / theirs - 1):.0f}\N{NO-BREAK SPACE}%)" if theirs else "")
    if outcome == "won":
        return f"The large model wins: {numbers}. The gain of {apart} is not chance ({_test(comparison)})."
    if outcome == "lost":
        return (
            f"The large model does not win: {numbers}. It is behind by {apart}, and that is not chance ({_test(comparison)}). "
            f"Use {simple['model']}, or train {large['model']} longer or on more data."
        )
    return (
        f"Undecided: {numbers}. The difference of {apart} may be chance ({_test(comparison)}). "
        f"Until more data says otherwise, {simple['model']} is the cheaper choice."
    )


def _value(result: Result, metric: str) -> str:
    return f"{result['model']} reaches {spelled(metric)} {result['metrics'][metric]:.4f}"


def _test(comparison: Comparison) -> str:
    """The interval of the difference, written as its size where both ends have one sign."""
    low, high = comparison.low, comparison.high
    ends = (-high, -low) if high < 0 else (low, high)
    signed = "{:.4f} to {:.4f}" if ends[0] >= 0 else "{:+.4f} to {:+.4f}"
    p = f"p = {comparison.p:.4f}" if comparison.p >= 0.0002 else "p < 0.0002"
    p = p.replace(" ", "\N{NO-BREAK SPACE}")
    interval = signed.format(*ends).replace("-", "\N{MINUS SIGN}")
    return f"95\N{NO-BREAK SPACE}% interval {interval}, paired permutation test {p}"
