"""Which saved model answers: look at a version before it goes live, publish it, go back, compare two."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.core import columns
from penchant.core.artifact import Artifact
from penchant.core.errors import ArtifactError, ArtifactNotFound
from penchant.core.types import Queries
from penchant.models import MODELS
from penchant.models.base import Model
from penchant.scenarios.project import Project

SAMPLE_USERS = 64
SAMPLE_EVENTS = 200  # latest of each
ANSWER = 10
FEW = 10  # users; of fewer it is not said that a model tells nothing apart


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side."""

    first: dict[str, Any]  # version, model, metrics, facts; JSON
    second: dict[str, Any]
    overlap: float  # mean share of the first ten items that both give the same users
    n_users: int

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain values. `Any`: JSON."""
        return {"first": self.first, "second": self.second, f"overlap@{ANSWER}": self.overlap, "n_users": self.n_users}


def publish(project: Project, version: str) -> None:
    """Make `name/version` live if it answers sensibly. Raises ArtifactError where it does not; then nothing changes."""
    artifact = project.artifacts.get(version)
    if problem := check(project, artifact):
        raise ArtifactError(f"{version}: not published: {problem}; what was live stays live")
    project.artifacts.publish(version)


def rollback(project: Project, name: str) -> str:
    """Make the version that was live before live again; returns it. Raises ArtifactNotFound if there was none."""
    return project.artifacts.rollback(name)


def live(project: Project, name: str) -> str:
    """The published version of `name`. Raises ArtifactNotFound where there is none."""
    version = project.artifacts.live(name)
    if version is None:
        raise ArtifactNotFound(f"models: no version of {name!r} is published; `penchant models list` shows what there is")
    return version


def compare(project: Project, first: str, second: str) -> Comparison:
    """What differs between two versions, and how far their answers to the same users agree. A name alone means its live version."""
    described, answers = [], []
    for wanted in (first, second):
        version = wanted if "/" in wanted else live(project, wanted)
        artifact = project.artifacts.get(version)
        model = _revived(artifact)
        found = model.recommend(sample(project, model), ANSWER)
        answers.append([{artifact.item_ids[code] for code in found.row(b).tolist()} for b in range(len(found))])
        described.append({"version": version, "model": artifact.model, "metrics": artifact.metrics, "facts": artifact.facts})
    shares = [len(one & two) / max(1, len(one), len(two)) for one, two in zip(*answers, strict=True)]
    return Comparison(described[0], described[1], round(float(np.mean(shares)), 4) if shares else 0.0, len(shares))


def check(project: Project, artifact: Artifact) -> str:
    """Why this model must not go live; empty where nothing speaks against it.

    Looked at are the numbers it is made of and its answers to up to `SAMPLE_USERS` users of the project.
    """
    for name, array in artifact.arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            return f"{name} holds numbers that are not finite"
    model = _revived(artifact)
    queries = sample(project, model)
    found = model.recommend(queries, ANSWER, exclude_seen=False)
    if not np.isfinite(found.scores).all():
        return "it gives scores that are not finite"
    silent = int((np.diff(found.offsets) == 0).sum())
    if silent:
        return f"it has no answer for {silent} of {len(queries)} users"
    if _tells_nothing_apart(project, model, queries):
        return "to each user with a history all items are worth the same, so all would get the same; import more events or train another"
    return ""


def _tells_nothing_apart(project: Project, model: Model, queries: Queries) -> bool:
    """Whether everybody with a history has one and the same score for the whole catalogue, and there is no excuse.

    Excuses are few users, a catalogue that fits into one answer, and events that tell no item apart either: as many of each.
    """
    known = np.flatnonzero(np.diff(queries.offsets))
    if len(known) < FEW or model.n_items <= ANSWER:
        return False
    for one in known[:, None]:  # as a rule the first one settles it
        scores = model.scores(queries.take(one))
        if scores.min() < scores.max():
            return False
    return len({n_events for _, n_events in project.store.listing.popular(model.n_items)}) > 1


def sample(project: Project, model: Model) -> Queries:
    """Requests of the first `SAMPLE_USERS` users that the store lists, with their latest events, in the model's codes."""
    users, _ = project.store.listing.users(SAMPLE_USERS)
    histories = []
    for user_id, n_events in users:
        if n_events:
            frame = project.events.history(user_id, limit=SAMPLE_EVENTS).frame
            codes = [-1 if model.items is None else model.items.code(id_) for id_ in frame[columns.ITEM_ID].to_list()]
            histories.append([code for code in codes if code >= 0])
    return Queries.of(histories)


def _revived(artifact: Artifact) -> Model:
    model: Model = MODELS.load(artifact.model).from_artifact(artifact)
    return model
