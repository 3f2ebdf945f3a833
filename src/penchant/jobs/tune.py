"""`penchant tune`: settings of a model that do better on the project's own data, by trying them."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress, TaskID

from penchant.core.config import parse
from penchant.core.errors import ConfigError, DataError, MissingExtraError, PenchantError, did_you_mean
from penchant.core.log import logger, progress_bar
from penchant.core.random import generator
from penchant.data.split import Split
from penchant.evaluation.protocol import Protocol
from penchant.models import MODELS
from penchant.models.base import FitOptions, Model
from penchant.models.space import OneOf, Real, Whole
from penchant.scenarios.config import ModelTable, read_config
from penchant.scenarios.project import CONFIG_FILE, Project
from penchant.training.validation import holdout, mean_ndcg

if TYPE_CHECKING:
    import optuna

STUDIES_FILE = "tuning.db"  # in the project's folder: all that was tried
REQUESTS = 5_000  # at most as many judge a trial
DIGITS = 3  # of a number that is tried
HOPELESS = 10  # trials that fail one after the other end the search
BEFORE = "before"  # in the attributes of a study: what the settings of the project reach

# Settings are of any type until their class checks them, hence `Any` throughout this module.
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Tuned:
    """What a search found."""

    name: str
    model: str
    settings: dict[str, Any]  # of the table [models.NAME] that differ from what it had, the best that was tried; empty = nothing better
    ndcg: float  # theirs, NDCG@10 on the validation
    before: float  # of the settings as they were
    n_trials: int  # all there ever were on these data
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """This result as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Budget:
    """When a search ends, at the latest."""

    minutes: float
    trials: int | None = None  # of this call


def tune(project: Project, name: str, budget: Budget, *, protocol: Protocol | None = None, quiet: bool = False) -> Tuned:
    """Try settings of the model `name` of `penchant.toml`, or of the class of that name, and return the best.

    Each trial learns from the training part of the protocol's split and is judged by NDCG@10 on its validation; the test stays unseen.
    A trial that is behind most others at the same epoch ends early. All trials are kept in `STUDIES_FILE`: the next call on the same
    data and table goes on with them. Ctrl-C ends the search with what it found; before anything is found it goes to the caller.
    Raises ConfigError, DataError and MissingExtraError.
    """
    table = _table(project, name)
    kind = MODELS.load(table.model)
    parse(kind.Config, table.settings, f"models.{name}")
    if not kind.Config.space:
        raise ConfigError(
            f"models.{name}: nothing of {table.model!r} is searched; `penchant models settings {table.model}` lists what it has"
        )
    dataset = project.dataset(quiet=quiet)
    if dataset.n_events == 0:
        raise DataError(f"{project.dir}: there are no events to learn from; run `penchant import` first")
    protocol = protocol or Protocol()
    with _study(project.dir / STUDIES_FILE, _identity(name, table, protocol, dataset.fingerprint)) as study:
        search = _Search(kind, table.settings, protocol.split(dataset), study)
        return search.run(name, budget, quiet=quiet)


def write(project: Project, tuned: Tuned) -> None:
    """Put the settings into the project's `penchant.toml`; comments and order stay. Raises ConfigError where they do not fit."""
    import tomlkit

    path = project.dir / CONFIG_FILE
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    models = document.setdefault("models", tomlkit.table(is_super_table=True))
    if tuned.name not in models:
        models.add(tuned.name, tomlkit.table())
        models[tuned.name].add("model", tuned.model)
    for key, value in tuned.settings.items():
        models[tuned.name][key] = value
    fresh = path.with_name(f".{CONFIG_FILE}-{os.getpid()}")
    try:
        fresh.write_text(tomlkit.dumps(document), encoding="utf-8")
        read_config(fresh)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


class _OutOfTime(Exception):
    """The budget is used up in the midst of a training."""


class _Search:
    """One call of `tune`."""

    def __init__(self, kind: type[Model], settings: Settings, split: Split, study: "optuna.Study") -> None:
        self._kind, self._settings, self._split, self._study = kind, settings, split, study
        self._requests, self._wanted = holdout(split.validation, limit=REQUESTS, seed=0)
        if not len(self._requests):
            raise DataError("tune: the validation has no requests; other data, or another --protocol, may have some")

    def run(self, name: str, budget: Budget, *, quiet: bool) -> Tuned:
        """Until the budget is used up or somebody interrupts."""
        began = time.monotonic()
        deadline = began + 60 * budget.minutes
        with progress_bar(quiet=quiet) as bar:
            shown = _Shown(bar, bar.add_task(f"tune {name}", total=round(60 * budget.minutes), unit="s", note=""), began)
            try:
                self._before(deadline, shown)
                self._try(budget, deadline, shown)
            except KeyboardInterrupt:
                if BEFORE not in self._study.user_attrs:
                    raise
                logger.warning("tune: interrupted; the best so far is kept, and the same call goes on from here")
        before = float(self._study.user_attrs[BEFORE])
        done = [trial for trial in self._study.trials if trial.state.name == "COMPLETE"]
        best = max([(before, 0, {}), *((trial.value or 0.0, -trial.number, trial.params) for trial in done)], key=lambda each: each[:2])
        seconds = round(time.monotonic() - began, 3)
        return Tuned(name, self._kind.name, self._changed(best[2]), best[0], before, len(self._study.trials), seconds)

    def _before(self, deadline: float, shown: "_Shown") -> None:
        """Judge the settings as they are, once."""
        if BEFORE not in self._study.user_attrs:
            try:
                self._study.set_user_attr(BEFORE, self._judged(self._settings, _Reporter(deadline, shown, None)))
            except _OutOfTime:
                raise ConfigError(f"minutes: one training of {self._kind.name!r} takes longer; give it several times as long") from None
        shown.best(float(self._study.user_attrs[BEFORE]))

    def _try(self, budget: Budget, deadline: float, shown: "_Shown") -> None:
        import optuna

        failed = n = 0
        while time.monotonic() < deadline and (budget.trials is None or n < budget.trials):
            trial = self._study.ask()
            settings = {**self._settings, **{key: _asked(trial, key, knob) for key, knob in self._kind.Config.space.items()}}
            reporter = _Reporter(deadline, shown, trial)
            try:
                value = self._judged(settings, reporter)
            except _OutOfTime:
                self._study.tell(trial, reporter.best)  # of its best epoch so far
            except optuna.TrialPruned:
                self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            except (PenchantError, MemoryError) as error:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                logger.warning("tune: trial %d failed: %s", trial.number, str(error) or "not enough memory")
                if (failed := failed + 1) == HOPELESS:
                    raise DataError(f"tune: the last {HOPELESS} trials failed; the last one: {error}") from None
                continue
            else:
                self._study.tell(trial, value)
                shown.best(value)
            failed, n = 0, n + 1

    def _judged(self, settings: Settings, reporter: "_Reporter") -> float:
        """NDCG@10 on the validation of a model with these settings. Raises what the reporter raises."""
        model = self._kind(**settings)
        model.fit(self._split.train, FitOptions(validation=self._split.validation, quiet=True, report=reporter))
        return mean_ndcg(model.recommend(self._requests, 10), self._wanted, at=10)

    def _changed(self, params: Settings) -> dict[str, Any]:
        tried = {key: _rounded(value) for key, value in params.items()}
        now = self._kind(**self._settings).config
        return {key: value for key, value in tried.items() if getattr(now, key) != value}


class _Reporter:
    """Is told how a training goes, and ends it where it is hopeless or takes too long."""

    def __init__(self, deadline: float, shown: "_Shown", trial: "optuna.Trial | None") -> None:
        self._deadline, self._shown, self._trial = deadline, shown, trial
        self.best = 0.0

    def __call__(self, epoch: int, score: float) -> None:
        """Raises `_OutOfTime` or optuna's TrialPruned."""
        import optuna

        self.best = max(self.best, score)
        self._shown.moved()
        if self._trial is not None:
            self._trial.report(score, epoch)
            if self._trial.should_prune():
                raise optuna.TrialPruned
        if time.monotonic() > self._deadline:
            raise _OutOfTime


@dataclass
class _Shown:
    """The bar."""

    bar: Progress
    task: TaskID
    began: float
    top: float = 0.0
    trials: int = 0

    def moved(self) -> None:
        """Time went by."""
        note = f"trial {self.trials}  best ndcg@10 {self.top:.4f}" if self.top else "the settings as they are"
        self.bar.update(self.task, completed=round(time.monotonic() - self.began), note=note)

    def best(self, value: float) -> None:
        """A trial is done."""
        self.top, self.trials = max(self.top, value), self.trials + 1
        self.moved()


def _table(project: Project, name: str) -> ModelTable:
    tables = project.config.models
    if name in tables:
        return tables[name]
    if name in MODELS:
        return ModelTable(model=name)
    raise ConfigError(f"models: {project.dir} has no model {name!r}{did_you_mean(name, {*tables, *MODELS})}")


def _identity(name: str, table: ModelTable, protocol: Protocol, fingerprint: str) -> str:
    """Trials are comparable that began from the same table on the same data, judged alike."""
    told = json.dumps([table.model_dump(mode="json"), protocol.model_dump(mode="json"), fingerprint], sort_keys=True)
    return f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


@contextmanager
def _study(path: Path, name: str) -> Iterator["optuna.Study"]:
    """What was tried under this name, in the file `path`. Raises MissingExtraError."""
    try:
        import optuna
        from sqlalchemy.engine import URL
    except ModuleNotFoundError:
        raise MissingExtraError("penchant tune", "tune") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(URL.create("sqlite", database=str(path.absolute())).render_as_string())
    try:
        make = partial(optuna.create_study, study_name=name, storage=storage, load_if_exists=True, direction="maximize")
        study = make()
        seed = int(generator(len(study.trials), "tune").integers(2**31))  # goes on elsewhere than it began
        yield make(sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=3))
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _asked(trial: "optuna.Trial", name: str, knob: Real | Whole | OneOf) -> Any:
    """What the sampler wants to try."""
    if isinstance(knob, OneOf):
        return trial.suggest_categorical(name, knob.values)
    if isinstance(knob, Whole):
        return trial.suggest_int(name, knob.low, knob.high, log=knob.log)
    return _rounded(trial.suggest_float(name, knob.low, knob.high, log=knob.log))


def _rounded(value: Any) -> Any:
    """A number as a person would write it."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
