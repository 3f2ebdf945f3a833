"""Several models as one: each is heard as far as it proved right on events that none of them had seen. The default."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from penchant.core.artifact import Arrays, Artifact
from penchant.core.clock import SECOND
from penchant.core.config import parse
from penchant.core.errors import ArtifactError, ArtifactIncompatible, ConfigError, DataError, MissingExtraError, TrainingError
from penchant.core.log import logger
from penchant.core.processes import processes
from penchant.core.types import FloatArray, Queries, rows_of
from penchant.data import Dataset
from penchant.data.split import without_targets
from penchant.models import kind_of, untrained
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.held_back import hold_back, sittings
from penchant.models.weighing import COMMON, PER_MEMBER, Lesson, Weighing, evidence, held, weigh
from penchant.training.validation import holdout

DONE = "done"  # the folder of a member that is trained, beside its checkpoints, and the version that trained it
ALIKE = 0.95  # share of gaps of one octave from which on the times say nothing
AGAIN = 0.05  # share of events with what the same person met before, from which on things are wanted again
LAST_WORD = np.float32(1e-4)  # weight of frequency where nothing else tells items apart
ENOUGH = 1_000_000  # events that tell what the data are like

# Members where none are named. Any value: settings of models.
SEQUENCE: Mapping[bool, Mapping[str, Mapping[str, Any]]] = {  # by whether the times of events say more than their order
    True: {"hstu": {"n_layers": 2, "relative_bias": "layer"}},
    False: {"sasrec": {}},
}
COUNTING: Mapping[str, Mapping[str, Any]] = {
    "last-item": {},
    "item-knn": {"recency": 1.0},
    "ease": {"precision": "float32"},
    "als": {},
    "popular": {},
    "trending": {"model": "popular", "half_life_days": 7.0},
}
WIDE: Mapping[str, Mapping[str, Any]] = {"slim": {}, "graph-filter": {}}  # in place of EASE where the catalogue is too large for it
HABITS: Mapping[str, Mapping[str, Any]] = {"habits": {"model": "tifu-knn", "own": 1.0}}  # where things are wanted again


class AutoConfig(ModelConfig):
    """Settings of `Auto`."""

    # What may take part: name → settings, with `model` where the name is not that of a model; None = a sequence model and the
    # counting ones. `Any`: checked by each model.
    members: dict[str, dict[str, Any]] | None = None
    validation_users: int = Field(default=3_000, ge=1)  # at most as many requests weigh the members
    worth: float = Field(default=0.005, ge=0)  # nats a request by which a member must improve the rest to stay
    seed: int = Field(default=0, ge=0)

    @field_validator("members")
    @classmethod
    def _are_models(cls, members: dict[str, dict[str, Any]] | None) -> dict[str, dict[str, Any]] | None:
        if members is None:
            return None
        if not members:
            raise ValueError("must name at least one model")
        for name, table in members.items():
            try:
                kind, settings = kind_of(name, table)
                parse(kind.Config, settings, name)
            except MissingExtraError:
                continue  # it will be left out, and this the reason
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return members


class Auto(Model):
    """Score of an item = weighted sum of what the members say of it, the weights being learned from held-back events.

    A member speaks in log(1 + n_items · share), `share` being its share of all the preference that it spreads over the catalogue:
    0 = no better than chance. Its weight depends on the length of the history, on how frequent the item is, where things are met
    again on whether the history holds it, and on whether the request comes in the middle of a basket or visit. The weights are those
    of a conditional logit model over the members' best candidates; members whose loss costs less than `worth` are dropped, one after the
    other, and never asked again. Where the blend is better than the best member by no more than chance may have it, that member
    speaks alone. Requests without a history have weights, and where enough of them were held back members, of their own. What was
    held back goes to the counting members afterwards.

    Reference: Hinton, "Products of experts", ICANN 1999, section 2; McFadden 1974 (see `penchant.models.choice`).
    Differs: weights depend on history and item; members are trained before and apart.
    Cost: training of all members, some twice, and a few seconds; an answer asks only the members that stayed.
    """

    name = "auto"
    Config = AutoConfig
    together = True
    config: AutoConfig
    trained: Mapping[str, Model]  # after `fit`: every member that was weighed; without a validation only those that stayed

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        later = options.validation if options.validation is not None else hold_back(dataset, self.config.validation_users)
        known = dataset if later is options.validation else without_targets(later)
        again, options = comes_back(known), replace(options, validation=later)
        wanted = list(self.config.members or (*SEQUENCE[times_matter(known)], *COUNTING, *(HABITS if again else ())))
        members = dict(self._trained(wanted, known, options))
        if self.config.members is None and "ease" not in members:
            members |= self._trained(WIDE, known, options)
        self.trained = members
        if not processes().first:
            self.items = None  # what learns by steps was learned together; the rest is for the first process
            return
        if not members:
            raise DataError(f"auto: none of its members could be trained on {dataset.name!r}: {', '.join(wanted)}")
        frequency = np.log1p(np.bincount(known.interactions.items, minlength=dataset.n_items))
        self._frequency = ((frequency - frequency.mean()) / (frequency.std() or 1)).astype(np.float32)
        requests, targets = holdout(later, limit=self.config.validation_users, seed=self.config.seed)
        within, between = sittings(requests) if known is not dataset else (np.zeros(len(requests), np.float32), 0.0)
        lesson = Lesson(requests, targets, self._frequency, again, within, between)
        self._weighing = weigh(members, lesson, worth=self.config.worth, seed=self.config.seed)
        self._members = {name: members[name] for name in self._weighing.names}
        if known is not dataset:  # what counts is quick to count again, over everything
            self.trained = members = self._members  # the others go now: two of each would be too much for many a machine
            for name in [name for name, model in members.items() if "curve" not in model.facts]:
                members[name] = self._fresh(name)  # lets go of what it learned, and keeps its place
                members[name].fit(dataset, replace(options, checkpoint=None, curves=None))
        self.facts |= {
            "gains": self._weighing.gains,
            "members": list(self._members),
        }
        if curves := [model.facts["curve"] for model in self._members.values() if "curve" in model.facts]:
            self.facts["curve"] = curves[0]

    def _scores(self, queries: Queries) -> FloatArray:
        lengths = np.diff(queries.offsets)
        weights = self._weighing.weights[(lengths > 0).astype(np.int64)].astype(np.float32)  # [B, F]
        longer, within = self._weighing.longer(lengths), self._weighing.within(queries)
        rows, items = np.divmod(held(queries, self.n_items), self.n_items)
        scores: FloatArray = (weights[:, -COMMON, None] + LAST_WORD) * self._frequency
        scores[rows, items] += weights[rows, -1]
        for m, model in enumerate(self._members.values()):
            own = weights[:, PER_MEMBER * m : PER_MEMBER * (m + 1)]
            if not own.any():
                continue  # it answers either people with a history or those without, and there are none of them
            said = evidence(model, queries)
            scores[rows, items] += said[rows, items] * own[rows, 3]
            scores += said * ((own[:, 0] + own[:, 1] * longer + own[:, 4] * within)[:, None] + own[:, 2:3] * self._frequency)
        return scores

    def _arrays(self) -> Arrays:
        of = self._weighing
        own = {"weights": of.weights, "lengths": of.lengths, "sittings": of.sittings, "frequency": self._frequency}
        return own | {f"{name}/{key}": array for name, model in self._members.items() for key, array in model.artifact().arrays.items()}

    def _restore(self, arrays: Arrays) -> None:
        if self.items is None or self.event_types is None:
            raise ArtifactIncompatible("auto: the artifact holds no vocabulary")
        if "sittings" not in arrays:
            raise ArtifactIncompatible("auto: the artifact is from a version that did not know sittings; train again")
        self._frequency, self._members = arrays["frequency"], {}
        for name in self._tables():
            own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
            if own:
                fresh = self._fresh(name)
                plain = Artifact(
                    fresh.name,
                    fresh.config.model_dump(mode="json"),
                    own,
                    self.fingerprint,
                    self.items.ids,
                    self.event_types.ids,
                    scenarios=self.scenarios.ids,
                )
                self._members[name] = type(fresh).from_artifact(plain)
        self._weighing = Weighing(tuple(self._members), arrays["weights"], arrays["lengths"], arrays["sittings"])

    # ---- how

    def _tables(self) -> Mapping[str, Mapping[str, Any]]:
        """The settings of everything that may take part, in the order in which it does. `Any`: of every model."""
        named: dict[str, dict[str, Any]] | None = self.config.members
        return {**SEQUENCE[True], **SEQUENCE[False], **COUNTING, **HABITS, **WIDE} if named is None else named

    def _trained(self, names: Iterable[str], dataset: Dataset, options: FitOptions) -> Iterable[tuple[str, Model]]:
        """The members of these names, trained; those that cannot be are left out with a warning.

        A large one that is done is kept beside the checkpoints, so that an interruption costs at most what was counted.
        """
        for name in names:
            folder, curves = (None if each is None else each / name for each in (options.checkpoint, options.curves))
            try:
                model = self._fresh(name)
                if folder is None or (done := _read(_done(folder), model, dataset)) is None:
                    done = model.fit(dataset, replace(options, checkpoint=folder, curves=curves))
                    if folder is not None and "curve" in done.facts and processes().first:
                        _keep(done, folder)
                yield name, done
            except (DataError, MissingExtraError, TrainingError, MemoryError) as error:
                if isinstance(error, MemoryError) and model.together and processes().size > 1:
                    raise  # the others are in the middle of this member, and wait
                logger.warning("auto: goes on without %s: %s", name, str(error).removeprefix(f"{name}: ") or "not enough memory")

    def _fresh(self, name: str) -> Model:
        """An untrained member."""
        return untrained(name, self._tables()[name], seed=self.config.seed)


def comes_back(dataset: Dataset) -> bool:
    """Whether people meet the same things again, as they do with groceries and music."""
    histories = _some(dataset)
    pairs = np.unique(rows_of(histories.offsets) * dataset.n_items + histories.items)
    return len(histories.items) - len(pairs) >= AGAIN * max(1, len(histories.items))


def times_matter(dataset: Dataset) -> bool:
    """Whether the times between a person's events differ, rather than being numbers that stand for an order.

    Times of at least seconds that fall into several octaves are real: the sequence model that reads them is then the better one
    (MovieLens-100K and -1M), else the one that reads the order alone (LastFM, Beauty).
    """
    histories = _some(dataset)
    same = np.diff(rows_of(histories.offsets)) == 0
    octaves = np.frexp((np.diff(histories.timestamps)[same] // SECOND).astype(np.float64))[1]
    counts = np.bincount(np.maximum(octaves, 0))
    return bool(counts.max(initial=0) < ALIKE * counts.sum())


def _some(dataset: Dataset) -> Queries:
    """The histories of everybody, or of every n-th person so that they hold about `ENOUGH` events."""
    return dataset.queries(np.arange(0, dataset.n_users, max(1, dataset.n_events // ENOUGH), dtype=np.int32))


def _done(folder: Path) -> Path:
    """Where a trained member is kept: another version of the package may have trained it otherwise, and has a place of its own."""
    return folder / f"{DONE}-{version('penchant')}"


def _keep(done: Model, folder: Path) -> None:
    """Save a trained member, and only then let its checkpoint go. A disk that does not take it must not end the training."""
    from penchant.training.checkpoint import remove_checkpoint  # what learned by steps has torch

    try:
        done.save(_done(folder))
    except OSError as error:
        logger.warning("auto: %s: not kept in case of an interruption (%s); training goes on", folder.name, error)
    else:
        remove_checkpoint(folder)


def _read(folder: Path, like: Model, dataset: Dataset) -> Model | None:
    """The model in `folder`, if it has the settings of `like` and was trained on `dataset`. One that is damaged is as good as none."""
    if not folder.is_dir():
        return None
    try:
        found = type(like).load(folder)
    except ArtifactError as error:
        logger.warning("auto: what was trained in %s cannot be used and is trained again: %s", folder, error)
        return None
    return found if found.config == like.config and found.fingerprint == dataset.fingerprint else None
