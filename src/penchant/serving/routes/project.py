"""What the project has: its scenarios, its saved models with the latest report, its data and how that was cleaned."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from penchant.core.artifact import read_manifest
from penchant.core.errors import ArtifactError
from penchant.core.log import logger
from penchant.scenarios.project import MODELS_FOLDER, REPORTS_FOLDER, Project
from penchant.serving.answers import DataAnswer, Models, Scenarios
from penchant.serving.openapi import Endpoint
from penchant.serving.state import state_of
from penchant.serving.wire import answer

# Rows and reports are JSON, hence `Any` throughout this module.

REPORTS = ("report.json", f"{REPORTS_FOLDER}/report.json", f"{REPORTS_FOLDER}/evaluation.json")  # where an evaluation leaves its numbers


async def scenarios(request: Request) -> Response:
    """The places of `penchant.toml`."""
    places = state_of(request).engine.scenarios.items()
    shown = ("kind", "title", "title_zh", "n")
    return answer({"scenarios": [{"name": name, **{key: getattr(place, key) for key in shown}} for name, place in places]})


async def models(request: Request) -> Response:
    """All saved versions and the latest evaluation report."""
    state = state_of(request)
    return answer(await state.readers.run(_models, state.project))


async def data(request: Request) -> Response:
    """Numbers of the stores and the counts of every import."""
    state = state_of(request)
    return answer(await state.readers.run(_data, state.project))


def _models(project: Project) -> dict[str, Any]:
    versions = project.artifacts.versions()
    live = {project.artifacts.live(version.partition("/")[0]) for version in versions}
    rows = [_row(project.dir / MODELS_FOLDER / version, version, is_live=version in live) for version in versions]
    found = [project.dir / name for name in REPORTS if (project.dir / name).is_file()]
    latest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return {"models": rows, "report": None if latest is None else _json_of(latest)}


def _row(folder: Path, version: str, *, is_live: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"version": version, "model": "", "live": is_live, "metrics": {}, "created_at": _made(version), "facts": {}}
    try:
        manifest = read_manifest(folder)
    except ArtifactError as error:
        logger.warning("%s", error)
        return {**row, "facts": {"problem": "this version cannot be read"}}
    return {**row, "model": manifest["model"], "metrics": manifest.get("metrics", {}), "facts": manifest.get("facts", {})}


def _made(version: str) -> str | None:
    """When a version was made, ISO 8601: its name starts with that time."""
    stamp = re.match(r"(\d{8}T\d{6})\.(\d{3})", version.rpartition("/")[2])
    if stamp is None:
        return None
    made = datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC, microsecond=int(stamp[2]) * 1000)
    return made.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _data(project: Project) -> dict[str, Any]:
    _, items = project.store.listing.catalogue("items", 1)
    _, users = project.store.listing.catalogue("users", 1)
    stats = {**project.events.stats(), "catalogue_items": items, "users_table": users}
    reports = sorted((project.dir / REPORTS_FOLDER).glob("ingest-*.json"), key=lambda path: (len(path.name), path.name))
    return {"stats": stats, "imports": [found for path in reports if (found := _json_of(path)) is not None]}


def _json_of(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file that a command of ours wrote; None, with a log line, where it is damaged."""
    try:
        value = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        logger.warning("%s: not readable as JSON (%s)", path, error)
        return None
    return value if isinstance(value, dict) else None


ENDPOINTS = (
    Endpoint("GET", "/v1/scenarios", scenarios, "The places that can be asked", "project", answer=Scenarios),
    Endpoint("GET", "/v1/models", models, "Saved models and the latest report", "project", answer=Models),
    Endpoint("GET", "/v1/data", data, "How much data there is, and what was cleaned", "project", answer=DataAnswer),
)
