"""`penchant train`: fit the configured models on all events, save them, and publish those that answer sensibly."""

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from penchant.core.config import parse
from penchant.core.errors import ConfigError, DataError, did_you_mean
from penchant.core.log import logger
from penchant.core.processes import processes
from penchant.data import Dataset
from penchant.data.mapped import map_dataset, write_dataset
from penchant.jobs.checkpoints import begin, folder_of, has_begun, left_at
from penchant.jobs.publish import check
from penchant.models import MODELS
from penchant.models.base import FitOptions, Model
from penchant.models.identity import identity_of, settings_of
from penchant.scenarios.config import ModelTable
from penchant.scenarios.project import CONFIG_FILE, CURSOR, MODELS_FOLDER, UNTIL, Project

CHECKPOINTS_FOLDER = "checkpoints"
CURVES_FOLDER = "curves"  # for TensorBoard
SHARED_FOLDER = ".shared"  # the data set, while several processes open it


@dataclass(frozen=True)
class Trained:
    """One trained model: the version that was saved, and whether it is live now."""

    name: str
    model: str
    version: str
    seconds: float
    published: bool
    problem: str = ""  # why it was not published

    def as_json(self) -> dict[str, Any]:
        """This result as plain values. `Any`: JSON."""
        return asdict(self)


def train(project: Project, name: str | None = None, *, quiet: bool = False, publish: bool = True) -> list[Trained]:
    """Train the models of `penchant.toml`, or the one called `name`, on everything that the store holds.

    Each model is saved and published as soon as it is done, so an interruption keeps those that were finished. A model
    that `jobs.publish.check` refuses is saved but not published: the version before stays live. Started by `torchrun`, all processes
    train what learns by steps; the first does the rest, and the others return nothing. Raises ConfigError (all settings are checked
    before the first model is trained) and DataError where there are no events.
    """
    tables = _wanted(project, name)
    fresh = _configured(tables, project.dir / CONFIG_FILE)
    dataset = _shared(project, fresh, quiet=quiet) if processes().size > 1 else _read(project, fresh, quiet=quiet)
    if dataset.n_events == 0:
        raise DataError(f"{project.dir}: there are no events to learn from; run `penchant import` first")
    options = FitOptions(quiet=quiet)
    done = [_train_one(project, each, fresh[each], dataset, options, publish=publish) for each in _teachers_first(fresh)]
    return [each for each in done if each is not None]


def _read(project: Project, fresh: Mapping[str, Model], *, quiet: bool) -> Dataset:
    """All that the store holds or, where a training of these models was interrupted, what it had begun with, so that it goes on.

    Events keep coming in a live project; those that came since are for the next training.
    """
    homes = {name: project.dir / CHECKPOINTS_FOLDER / name for name in fresh}
    cursors = [left_at(home, settings_of(fresh[name])) for name, home in homes.items()]
    until = max((cursor for cursor in cursors if cursor is not None), default=None)
    if until is not None:
        dataset = project.dataset(until=until, quiet=quiet)
        if any(has_begun(folder_of(home, identity_of(fresh[name], dataset))) for name, home in homes.items()):
            if newer := project.events.stats()["n_events"] - dataset.n_events:
                logger.info("train: goes on with the events that it had begun with; %s newer ones are for the next training", f"{newer:,}")
            return dataset
    return project.dataset(quiet=quiet)


def _shared(project: Project, fresh: Mapping[str, Model], *, quiet: bool) -> Dataset:
    """The data set as the first process reads it, mapped by all: what arrives meanwhile is for the next training."""
    from penchant.training.together import agreed  # where there is torchrun, there is torch

    folder = project.dir / f"{SHARED_FOLDER}-{agreed(os.getpid())}"
    try:
        if processes().first:
            for left in project.dir.glob(f"{SHARED_FOLDER}-*"):
                shutil.rmtree(left)  # of a training that was killed just then: nothing of it stays
            write_dataset(_read(project, fresh, quiet=quiet), folder)
        _wait()  # written
        dataset = map_dataset(folder)
        _wait()  # open everywhere
        return dataset
    finally:
        if processes().first:
            shutil.rmtree(folder, ignore_errors=True)


def _wait() -> None:
    """Until all processes are here."""
    if processes().size > 1:
        from penchant.training.together import agreed

        agreed(0)


def _configured(tables: Mapping[str, ModelTable], path: Path) -> dict[str, Model]:
    """Untrained models as the tables in the file `path` say. Raises ConfigError listing the wrong settings of all of them."""
    models: dict[str, Model] = {}
    problems: list[str] = []
    for name, table in tables.items():
        kind = MODELS.load(table.model)
        try:
            parse(kind.Config, table.settings, f"models.{name}")
            models[name] = kind(**table.settings)
        except ConfigError as error:
            problems += [f"{path}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return models


def _teachers_first(models: Mapping[str, Model]) -> list[str]:
    """The names in their order, but those that learn from another one after it."""
    return sorted(models, key=lambda name: getattr(models[name].config, "teacher", None) in list(models))


def _live(project: Project) -> dict[str, Path]:
    """The folders of what is published, by name."""
    live = {name: project.artifacts.live(name) for name in project.config.models}
    return {name: project.dir / MODELS_FOLDER / version for name, version in live.items() if version is not None}


def _wanted(project: Project, name: str | None) -> dict[str, ModelTable]:
    tables = project.config.models
    if name is None:
        return tables
    if name not in tables:
        raise ConfigError(f"models: {project.dir} has no model {name!r}{did_you_mean(name, tables)}")
    return {name: tables[name]}


def _train_one(project: Project, name: str, model: Model, dataset: Dataset, options: FitOptions, *, publish: bool) -> Trained | None:
    """Fit, save and publish; None where another process does the latter."""
    started = time.perf_counter()
    identity = identity_of(model, dataset)
    checkpoint = folder_of(project.dir / CHECKPOINTS_FOLDER / name, identity)
    if processes().first:
        begin(checkpoint, identity, dataset.facts[CURSOR])
    curves = project.dir / CURVES_FOLDER / name / checkpoint.name
    model.fit(dataset, replace(options, checkpoint=checkpoint, curves=curves, models=_live(project)))
    _wait()  # nobody needs the checkpoints any more
    done = _save(project, name, model, dataset, time.perf_counter() - started, publish=publish) if processes().first else None
    _wait()  # the next model may learn from what is live now
    return done


def _save(project: Project, name: str, model: Model, dataset: Dataset, took: float, *, publish: bool) -> Trained:
    """As a version, live if it answers sensibly."""
    seconds = round(took, 3)
    artifact = replace(model.artifact(), facts=_facts(model, dataset, seconds))
    version = project.artifacts.put(name, artifact)
    shutil.rmtree(project.dir / CHECKPOINTS_FOLDER / name, ignore_errors=True)
    problem = check(project, artifact) if publish else "not asked for"
    if not problem:
        project.artifacts.publish(version)
    elif publish:
        logger.warning("%s: not published: %s; what was live stays live", version, problem)
    return Trained(name, model.name, version, seconds, not problem, problem)


def _facts(model: Model, dataset: Dataset, seconds: float) -> dict[str, Any]:
    counts = {"n_users": dataset.n_users, "n_items": dataset.n_items, "n_events": dataset.n_events}
    return {**model.facts, **counts, "seconds": round(seconds, 3), CURSOR: dataset.facts[CURSOR], UNTIL: dataset.facts[UNTIL]}
