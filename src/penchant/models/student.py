"""A small sequence model that learns from a large one what the data alone would not tell it."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from penchant.core.errors import MissingExtraError

try:
    import torch
except ModuleNotFoundError:
    raise MissingExtraError("Student", "torch") from None

from pydantic import Field, field_validator
from torch import Tensor
from torch.nn import functional as F

from penchant.core.config import parse
from penchant.core.errors import ConfigError, did_you_mean
from penchant.data import Dataset
from penchant.models import MODELS, load, untrained
from penchant.models.base import FitOptions, Model
from penchant.models.encoder import EncoderModel
from penchant.models.encoder_config import EncoderConfig
from penchant.models.inherit import inherit
from penchant.models.next_item import NextItem
from penchant.training.loader import Batch

CELLS = 2**22  # scores of a teacher at once: 16 MiB
# Settings that say how a model is built and what it reads.
BUILD = (
    *("max_len", "embedding_dim", "n_layers", "n_heads", "body", "attention", "feed_forward", "expansion", "gated", "window"),
    *("position", "time", "relative_bias", "context_dropout", "inputs", "item_tower", "temperature"),
)


class StudentConfig(EncoderConfig):
    """Settings of `Student`. How it is built is as the teacher is, where nothing else is said."""

    # A trained model by its name in the project, or the folder it was saved in; or settings, with `model`, of one to train first.
    # `Any`: checked by its class.
    teacher: str | dict[str, Any] = Field(default_factory=lambda: {"model": "hstu"})
    distillation_weight: float = Field(0.5, ge=0, le=1)  # how much the teacher counts against what really came next
    teacher_top_k: int = Field(64, ge=1)  # the teacher's best items that are learned from
    read_len: int = Field(32, ge=1)  # events of a history that are read to answer; learning reads max_len of them, with what each says
    head: Literal["dot"] = "dot"
    loss: Literal["softmax"] = "softmax"

    @field_validator("teacher")
    @classmethod
    def _can_be_trained(cls, teacher: str | dict[str, Any]) -> str | dict[str, Any]:
        if isinstance(teacher, dict):
            settings = dict(teacher)
            name = settings.pop("model", None)
            if name not in MODELS:
                raise ValueError(f"model: no such model{did_you_mean(str(name), MODELS)}")
            try:
                parse(MODELS.load(name).Config, settings, "teacher")
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return teacher


class _Taught(NextItem):
    """Predict each event of each history, and what the teacher predicts."""

    def __init__(self, model: "Student", dataset: Dataset, options: FitOptions, precision: torch.dtype) -> None:
        super().__init__(model, dataset, options, precision)
        self._config, self._teacher, device = model.config, model.teacher, model._encoder.items.weight.device
        self._teacher._encoder.to(device)
        self._teacher._settle()
        if self._config.distillation_weight:
            inherit(model._encoder, self._teacher._encoder)
        model._encoder.longest.clamp_(max=self._config.read_len)

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the batch's targets."""
        encoder = self._model._encoder
        states = self.states(self._model, batch)
        weight, targets = encoder.item_weight(), batch.targets.to(states.device)
        users, items = encoder.head.users(states).float(), encoder.head.items(weight)
        best, shares = self._told(batch)
        meant = F.embedding_bag(best, items, per_sample_weights=shares, mode="sum")
        moved = (users * (items[targets] - meant)).sum(-1).mean()  # from the score of what came next to those of what the teacher says
        hard = self._loss(states, targets)
        return hard + self._config.distillation_weight * moved

    @torch.no_grad()
    def _told(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """[T, teacher_top_k] the teacher's best items at each place, and its shares of them. Items newer than the teacher it never met."""
        teacher, n_items = self._teacher, self._teacher.n_items
        known = replace(batch, codes=batch.codes.masked_fill(batch.codes >= n_items, teacher._encoder.start))
        head = teacher._encoder.head
        users = head.users(self.states(teacher, known)).float()
        rows = max(1, CELLS // n_items)
        tops = [head.scores(part, teacher._weight).topk(min(self._config.teacher_top_k, n_items)) for part in torch.split(users, rows)]
        return torch.cat([top.indices for top in tops]), torch.cat([top.values for top in tops]).softmax(-1)


class Student(EncoderModel):
    """A small sequence model that is told, at every place of every history, which items a large model finds likely.

    It is small by what it reads to answer, the latest `read_len` events only, and by fewer or narrower layers where the settings say
    so. It begins with what it can take over: item vectors of the same width, and layers of the same build (see
    `penchant.models.inherit`).
    Where that is all of the teacher it learns nothing unless `epochs` says so: more training made it worse, not better.

    Loss = −log p(next item), with a share `distillation_weight` of the next item's weight given to the teacher's best items,
    `teacher_top_k` of them, by its softmax over them. So it costs one sum over those beside the loss that a model without a teacher has.

    Reference: Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network", 2015, arXiv:1503.02531, section 2; of rankings
    Tang & Wang, "Ranking Distillation", KDD 2018, arXiv:1809.07428; the start of Sanh et al., "DistilBERT", 2019, arXiv:1910.01108,
    section 3.
    Differs: shorter histories to answer, for the latest events say most; no temperature beside the models' own; the teacher is asked
    anew in each epoch, so nothing it said is stored.
    Cost: that of its settings to answer; to train, also the answers of the teacher, O(n_items) a place.
    """

    name = "student"
    Config = StudentConfig
    config: StudentConfig
    Task: ClassVar[type[NextItem]] = _Taught
    teacher: EncoderModel  # while it trains

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        self.teacher = self._found(dataset, options)
        asked_to_learn = "epochs" in self.config.model_fields_set
        self.config = self._built()
        try:
            if self._is_the_teacher(dataset) and not asked_to_learn:
                self._encoder = deepcopy(self.teacher._encoder)
                self._encoder.longest.clamp_(max=self.config.read_len)
                self._settle()
            else:
                super()._fit(dataset, options)
        finally:
            teacher = self.__dict__.pop("teacher")
        self.facts["teacher"] = {"model": teacher.name, "config": teacher.config.model_dump(mode="json")}

    def _found(self, dataset: Dataset, options: FitOptions) -> EncoderModel:
        """The teacher, trained. Raises ConfigError."""
        told = self.config.teacher
        teacher: Model
        if isinstance(told, dict):
            checkpoint = None if options.checkpoint is None else options.checkpoint / "teacher"
            teacher = untrained(told["model"], told, seed=self.config.seed).fit(dataset, replace(options, checkpoint=checkpoint))
        elif told in options.models or Path(told).is_dir():
            teacher = load(options.models.get(told, Path(told)))
        else:
            raise ConfigError(f"{self.name}.teacher: no trained model {told!r}, and no such folder{did_you_mean(told, options.models)}")
        if not isinstance(teacher, EncoderModel) or teacher.both_ways:
            raise ConfigError(
                f"{self.name}.teacher: {teacher.name!r} does not say what comes next at every place; use sasrec, esasrec, hstu …"
            )
        if "max_len" in self.config.model_fields_set and teacher.config.max_len < self.config.max_len:
            raise ConfigError(
                f"{self.name}.max_len: at most that of the teacher, {teacher.config.max_len}; received: {self.config.max_len}"
            )
        if teacher.items is None or teacher.items.ids != dataset.items.ids[: teacher.n_items]:
            raise ConfigError(f"{self.name}.teacher: {told!r} learned from other items; train it on these data first")
        kinds = {"event_type": (teacher.event_types, dataset.event_types), "scenario": (teacher.scenarios, dataset.scenarios)}
        for name, (known, now) in kinds.items():
            if name in teacher.config.inputs and known is not None and known.ids != now.ids[: len(known)]:
                raise ConfigError(f"{self.name}.teacher: {told!r} knows other values of {name!r}; train it on these data first")
        return teacher

    def _is_the_teacher(self, dataset: Dataset) -> bool:
        """Whether it would begin with all of the teacher's numbers, so that there is nothing to learn."""
        alike = all(getattr(self.config, name) == getattr(self.teacher.config, name) for name in BUILD)
        told = self.config.distillation_weight > 0 and "content" not in self.config.inputs  # properties are read anew
        return alike and told and self.teacher.n_items == dataset.n_items

    def _built(self) -> StudentConfig:
        """The settings, with those of `BUILD` that are not given as the teacher has them."""
        given, teacher = self.config.model_fields_set, self.teacher.config
        built = {name: getattr(teacher, name) for name in BUILD if name not in given}
        return StudentConfig.model_validate({**self.config.model_dump(), **built})
