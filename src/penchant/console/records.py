"""Pages about the project: its models with the latest report, its data with what imports cleaned."""

from collections.abc import Callable
from typing import Any

from jinja2 import TemplateError
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from penchant.console.api import ApiError
from penchant.console.guard import with_own_style
from penchant.console.messages import Words
from penchant.console.shown import address, api_of, page, words_of
from penchant.core.log import logger
from penchant.evaluation import charts
from penchant.evaluation.report import to_html
from penchant.evaluation.verdict import headline

SHOWN_IMPORTS = 5  # the newest ones


async def models(request: Request) -> Response:
    """Versions, which of them is live, and the report's verdict and charts."""
    found = await api_of(request).get("models")
    report = found["report"]
    said = headline(report["verdict"]) if report and report.get("verdict") else None
    shown = {"report": report, "headline": said, "drawn": drawn(report, words_of(request)) if report else [], "table": table(report)}
    return page(request, "models.html", models=found["models"][::-1], **shown)


async def report(request: Request) -> Response:
    """The whole evaluation report, the very page that `penchant evaluate --report` writes."""
    found = (await api_of(request).get("models"))["report"]
    if not found:
        raise ApiError("missing")
    try:
        text = to_html(found)
    except (KeyError, TypeError, ValueError, IndexError, TemplateError) as error:
        raise ApiError("failed", f"the report is of another version ({type(error).__name__})") from None
    icon = Markup('<link rel="icon" type="image/svg+xml" href="{}">').format(
        address(request, "static/icon.svg")
    )  # or browsers look elsewhere
    return HTMLResponse(text.replace("<style>", f"{icon}<style>", 1), headers={"content-security-policy": with_own_style(text)})


async def data(request: Request) -> Response:
    """How much there is, and what each import found and removed."""
    found = await api_of(request).get("data")
    return page(request, "data.html", stats=found["stats"], imports=found["imports"][::-1][:SHOWN_IMPORTS])


def drawn(report: dict[str, Any], words: Words) -> list[tuple[str, Markup]]:
    """The report's charts as (key of its heading, SVG), without those that have nothing to show. `Any`: JSON."""
    found: list[tuple[str, Callable[[], str]]] = [
        ("bars", lambda: charts.metric_bars(report)),
        ("coverage", lambda: charts.accuracy_coverage(report)),
        ("history", lambda: charts.bucket_lines(report, "history_length", words("chart.history.axis"))),
        ("frequency", lambda: charts.bucket_lines(report, "item_frequency", words("chart.frequency.axis"))),
        ("loss", lambda: charts.training_curves(report, "loss", words("chart.loss.axis"))),
    ]
    made: list[tuple[str, Markup]] = []
    for key, draw in found:
        try:
            svg = draw()
        except (KeyError, TypeError, ValueError, IndexError) as error:  # a report of another version: the rest is still worth showing
            logger.warning("the report's chart %r cannot be drawn: %s", key, type(error).__name__)
            continue
        if svg:
            made.append((key, Markup(svg)))  # made by `drawing`, which escapes every name
    return made


def table(report: dict[str, Any] | None) -> dict[str, Any] | None:
    """The report's numbers: metric names and rows of (model, kind, values), best first. `Any`: JSON."""
    results = (report or {}).get("results") or []
    if not results:
        return None
    names = list(results[0].get("metrics", {}))[:8]
    rows = [(each["model"], each.get("kind", ""), [each["metrics"].get(name) for name in names]) for each in results]
    main = next((k for k, name in enumerate(names) if name.startswith("ndcg")), 0)
    rows.sort(key=lambda row: -(row[2][main] or 0) if row[2] else 0)
    return {"names": [charts.spelled(name) for name in names], "rows": rows}
