"""The charts of a report: its JSON in, one SVG text each out. The HTML report and the console draw with the same functions."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from penchant.evaluation import drawing
from penchant.evaluation.drawing import WIDTH

Report = Mapping[str, Any]  # JSON, hence `Any`
Result = Mapping[str, Any]

# Warm for the large models, cool for the simple ones; each at least 3:1 against white and against near-black.
LARGE = ("#e4572e", "#d6336c", "#b8651b", "#c2410c")
SIMPLE = ("#3b7dd8", "#16907f", "#8e6bbf", "#a87b00", "#6b7c8f", "#2b93b5", "#6d8f2f", "#997b66")

_LABELS = {"history_length": "events in the history before the request", "item_frequency": "people who met the wanted item in training"}
_TITLES = {"history_length": "by length of history", "item_frequency": "by how well known the wanted item is"}


def main_metric(report: Report) -> str:
    """The metric that decides: `ndcg@10`, with the places the report was made with."""
    return f"ndcg@{report['protocol'].get('at', 10)}"


def colours(report: Report) -> dict[str, str]:
    """One colour a model, the same in every chart."""
    chosen: dict[str, str] = {}
    for kinds, palette in ((("blend", "large"), LARGE), (("simple",), SIMPLE)):
        mine = [result["model"] for result in report["results"] if result.get("kind", "simple") in kinds]
        chosen |= {model: palette[k % len(palette)] for k, model in enumerate(mine)}
    return chosen


def spelled(metric: str) -> str:
    """As people write it: NDCG@10, hit rate@10."""
    name, at, places = metric.partition("@")
    spelled = name.upper() if name in ("ndcg", "mrr", "map", "auc", "f1") else name.replace("_", " ")
    return spelled + at + places


def metric_bars(report: Report, metric: str | None = None) -> str:
    """Bars from best to worst with 95 % intervals."""
    metric = metric or main_metric(report)
    known = _ranked(report["results"], metric)
    colour = colours(report)
    top = max((_interval(result, metric)[1] for result in known), default=1.0)
    scale = drawing.ticks(0, top or 1.0)
    left, right, row = 112.0, WIDTH - 58.0, min(48.0, max(30.0, 270 / max(1, len(known))))
    across = (right - left) / scale[-1]
    height = row * len(known) + 30
    marks = _vertical_grid(scale, left, across, 4, height - 26)
    for k, result in enumerate(known):
        value, (low, high) = result["metrics"][metric], _interval(result, metric)
        y = 4 + row * (k + 0.5)
        note = f"{result['model']}: {metric} {value:.4f} (95 % interval {low:.4f} to {high:.4f})"
        marks.append(drawing.text(left - 8, y, drawing.shorten(result["model"], 14), anchor="end", bold=k == 0))
        marks.append(drawing.bar(left, y - 9, value * across, 18, colour=colour[result["model"]], note=note))
        if high > low:
            marks.append(drawing.line(left + low * across, y, left + high * across, y, width=1.5, opacity=0.8))
            marks += [drawing.line(left + end * across, y - 4, left + end * across, y + 4, width=1.5, opacity=0.8) for end in (low, high)]
        marks.append(drawing.text(left + max(value, high) * across + 7, y, f"{value:.4f}", bold=k == 0))
    said = "; ".join(f"{result['model']} {result['metrics'][metric]:.4f}" for result in known)
    return drawing.svg(height, marks, title=f"{spelled(metric)} of each model", description=f"Best first: {said}.")


def bucket_lines(report: Report, by: Literal["history_length", "item_frequency"], axis: str | None = None) -> str:
    """One line a model over the buckets, with 95 % intervals. `axis` = what is written below, None = in English."""
    metric = main_metric(report)
    known = [result for result in _ranked(report["results"], metric) if result.get("buckets", {}).get(by)]
    labels = {bucket["from"]: bucket for result in known for bucket in result["buckets"][by]}
    starts = sorted(labels)
    colour = colours(report)
    marks, top = drawing.legend([result["model"] for result in known], [colour[result["model"]] for result in known], 10)
    highest = max((_interval(bucket, metric)[1] for result in known for bucket in result["buckets"][by]), default=1.0)
    plot = _Plot(top + 4, 210, drawing.ticks(0, highest or 1.0))
    marks += plot.grid()
    slot = (plot.right - plot.left) / max(1, len(starts))
    for k, start in enumerate(starts):
        x = plot.left + slot * (k + 0.5)
        marks.append(drawing.text(x, plot.bottom + 14, labels[start]["label"], anchor="middle"))
        marks.append(drawing.text(x, plot.bottom + 30, f"n = {labels[start]['requests']:,}", anchor="middle", muted=True, size=11))
    for k, result in enumerate(known):
        shift = (k - (len(known) - 1) / 2) * min(5.0, slot * 0.7 / max(1, len(known)))
        at = {start: plot.left + slot * (place + 0.5) + shift for place, start in enumerate(starts)}
        marks += _bucket_marks(result, result["buckets"][by], at, plot, colour[result["model"]], metric)
    marks.append(drawing.text((plot.left + plot.right) / 2, plot.bottom + 50, axis or _LABELS[by], anchor="middle", muted=True, size=12))
    best = [f"{labels[start]['label']}: {_best_in(known, by, start, metric)}" for start in starts]
    return drawing.svg(
        plot.bottom + 62, marks, title=f"{spelled(metric)} {_TITLES[by]}", description=f"Best model in each bucket: {'; '.join(best)}."
    )


def accuracy_coverage(report: Report) -> str:
    """How much of the catalogue a model shows, against how often it is right."""
    metric, coverage = main_metric(report), f"coverage@{report['protocol'].get('at', 10)}"
    known = [result for result in _ranked(report["results"], metric) if result["metrics"].get(coverage) is not None]
    colour = colours(report)
    across = drawing.ticks(0, max((result["metrics"][metric] for result in known), default=1.0) or 1.0)
    up = drawing.ticks(0, 100 * max((result["metrics"][coverage] for result in known), default=1.0) or 1.0)
    plot = _Plot(10, 250, up, unit=" %")
    marks = plot.grid()
    width = plot.right - plot.left - 12
    for tick in across:
        x = plot.left + width * tick / across[-1]
        marks.append(drawing.text(x, plot.bottom + 14, drawing.written(tick, across[1] - across[0]), anchor="middle", muted=True))
    at = {
        result["model"]: (plot.left + width * result["metrics"][metric] / across[-1], plot.y(100 * result["metrics"][coverage]))
        for result in known
    }
    taken = [(x - 7, x + 7, y - 6, y + 6) for x, y in at.values()]
    for result in known:
        (x, y), value, share = at[result["model"]], result["metrics"][metric], 100 * result["metrics"][coverage]
        note = f"{result['model']}: {metric} {value:.4f}, coverage {share:.1f} %"
        marks.append(drawing.dot(x, y, 6, colour=colour[result["model"]], note=note))
        marks.append(_label(x, y, drawing.shorten(result["model"], 16), taken))
    marks.append(drawing.text((plot.left + plot.right) / 2, plot.bottom + 36, f"{spelled(metric)} →", anchor="middle", muted=True, size=12))
    said = "; ".join(f"{result['model']} {result['metrics'][metric]:.4f} and {100 * result['metrics'][coverage]:.1f} %" for result in known)
    return drawing.svg(
        plot.bottom + 48,
        marks,
        title="Coverage against accuracy",
        description=f"{spelled(metric)} and share of the catalogue shown: {said}.",
    )


def training_curves(report: Report, of: str, axis: str = "epoch") -> str:
    """`of` over the epochs of every model that has it in its curve: "loss" or "ndcg@10"; empty where none has. `axis` as above."""
    known = [result for result in report["results"] if sum(point.get(of) is not None for point in result.get("curve") or []) > 1]
    if not known:
        return ""
    colour = colours(report)
    curves = {result["model"]: [(point["epoch"], point[of]) for point in result["curve"] if point.get(of) is not None] for result in known}
    marks, top = drawing.legend(list(curves), [colour[model] for model in curves], 10)
    values = [value for points in curves.values() for _, value in points]
    plot = _Plot(top + 4, 170, drawing.ticks(0 if of != "loss" else min(values), max(values)))
    marks += plot.grid()
    last = max(epoch for points in curves.values() for epoch, _ in points)
    first = min(epoch for points in curves.values() for epoch, _ in points)
    across = (plot.right - plot.left - 8) / max(1.0, last - first)
    for tick in drawing.ticks(first, last):
        if first <= tick <= last and tick == int(tick):
            marks.append(drawing.text(plot.left + (tick - first) * across, plot.bottom + 14, f"{tick:.0f}", anchor="middle", muted=True))
    for model, points in curves.items():
        marks.append(drawing.path([(plot.left + (epoch - first) * across, plot.y(value)) for epoch, value in points], colour=colour[model]))
        epoch, value = (min if of == "loss" else max)(points, key=lambda point: point[1])
        note = f"{model}: best {spelled(of)} {value:.4f} in epoch {epoch:.0f}"
        marks.append(drawing.dot(plot.left + (epoch - first) * across, plot.y(value), 5, colour=colour[model], note=note))
    marks.append(drawing.text((plot.left + plot.right) / 2, plot.bottom + 36, axis, anchor="middle", muted=True, size=12))
    said = "; ".join(f"{model} from {points[0][1]:.4f} to {points[-1][1]:.4f} in {len(points)} epochs" for model, points in curves.items())
    what = "Training loss" if of == "loss" else f"Validation {spelled(of)}"
    return drawing.svg(plot.bottom + 48, marks, title=f"{what} over the epochs", description=said + ".")


# ---- how


class _Plot:
    """A frame with a vertical axis."""

    left, right = 52.0, WIDTH - 8.0

    def __init__(self, top: float, height: float, scale: Sequence[float], *, unit: str = "") -> None:
        self.top, self.bottom, self.scale, self.unit = top, top + height, scale, unit

    def y(self, value: float) -> float:
        """Where a value is."""
        low, high = self.scale[0], self.scale[-1]
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def grid(self) -> list[str]:
        """Horizontal lines with their values."""
        step = self.scale[1] - self.scale[0]
        marks = []
        for k, tick in enumerate(self.scale):
            marks.append(drawing.line(self.left, self.y(tick), self.right, self.y(tick), opacity=0.5 if k == 0 else drawing.FAINT))
            marks.append(drawing.text(self.left - 7, self.y(tick), drawing.written(tick, step) + self.unit, anchor="end", muted=True))
        return marks


def _vertical_grid(scale: Sequence[float], left: float, across: float, top: float, bottom: float) -> list[str]:
    marks = []
    for tick in scale:
        x = left + tick * across
        marks.append(drawing.line(x, top, x, bottom, opacity=drawing.FAINT))
        marks.append(drawing.text(x, bottom + 13, drawing.written(tick, scale[1] - scale[0]), anchor="middle", muted=True, size=12))
    return marks


def _bucket_marks(
    result: Result, buckets: Sequence[Mapping[str, Any]], at: Mapping[int, float], plot: _Plot, colour: str, metric: str
) -> list[str]:
    points, marks = [], []
    for bucket in buckets:
        value, (low, high) = bucket["metrics"][metric], _interval(bucket, metric)
        x = at[bucket["from"]]
        marks.append(drawing.line(x, plot.y(low), x, plot.y(high), colour=colour, width=1.5, opacity=0.45))
        sure = f"95 % interval {low:.4f} to {high:.4f}; n = {bucket['requests']:,}"
        note = f"{result['model']}, {bucket['label']}: {metric} {value:.4f} ({sure})"
        marks.append(drawing.dot(x, plot.y(value), 4, colour=colour, note=note))
        points.append((x, plot.y(value)))
    return [drawing.path(points, colour=colour, width=1.5), *marks]


def _label(x: float, y: float, name: str, taken: list[tuple[float, float, float, float]]) -> str:
    """The name near its point, at the first place where it covers no other name or point; `taken` grows by that place."""
    width = drawing.CHAR * len(name)
    places = [(x + 11, y), (x - 11 - width, y), (x - width / 2, y - 16), (x - width / 2, y + 16)]
    places += [(x + side, y + step) for step in (-30, 30, -44, 44) for side in (8, -8 - width)]
    boxes = [(left, left + width, middle - 7, middle + 7) for left, middle in places]
    free = (box for box in boxes if box[0] > 50 and box[1] < WIDTH and not any(_overlap(box, other) for other in taken))
    box = next(free, boxes[0])
    taken.append(box)
    return drawing.text(box[0], box[2] + 7, name)


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _ranked(results: Sequence[Result], metric: str) -> list[Result]:
    """Those that have the metric, best first."""
    return sorted(
        (result for result in results if result["metrics"].get(metric) is not None), key=lambda result: -result["metrics"][metric]
    )


def _interval(part: Mapping[str, Any], metric: str) -> tuple[float, float]:
    """The 95 % interval, or the value twice where there is none."""
    found = part.get("confidence", {}).get(metric)
    value = float(part["metrics"][metric])
    return (float(found[0]), float(found[1])) if found else (value, value)


def _best_in(known: Sequence[Result], by: str, start: int, metric: str) -> str:
    candidates = [
        (bucket["metrics"][metric], result["model"]) for result in known for bucket in result["buckets"][by] if bucket["from"] == start
    ]
    value, model = max(candidates)
    return f"{model} {value:.4f}"
