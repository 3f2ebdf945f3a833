"""The sequence model: one causal encoder over histories. Its parts are switches; `SASRec` and its successors are named settings."""

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from penchant.core.artifact import Arrays
from penchant.core.errors import ArtifactIncompatible
from penchant.core.types import UNKNOWN, FloatArray, LongArray, Queries
from penchant.data import Dataset
from penchant.models.assembly import Known, build
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.encoder_config import EncoderConfig
from penchant.models.inputs import Inputs, event_facts, inputs
from penchant.models.learning import learn
from penchant.models.next_item import NextItem
from penchant.models.side_by_side import side_by_side
from penchant.nn.random import own_generator
from penchant.training.shards import shard


class EncoderModel(Model):
    """What the models of this family share: everything but name, defaults and paper."""

    Config: ClassVar[type[ModelConfig]] = EncoderConfig
    Task: ClassVar[type[NextItem]] = NextItem  # what it is trained on
    both_ways: ClassVar[bool] = False  # True = positions read what comes after them, too
    log_scores = True
    together = True
    config: EncoderConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        dropout = self.config.dropout_for(dataset.n_events, dataset.n_items)
        config = self.config.model_copy(update={"dropout": dropout})

        def begin(device: torch.device, precision: torch.dtype) -> NextItem:
            encoder = build(config, dataset.n_items, Known.of(config, dataset), both_ways=self.both_ways)
            if config.loss_for(dataset.n_items) != "softmax":  # which reads all rows at each step
                encoder.items = shard(encoder.items, device)
            self._encoder = encoder.to(device)
            self._encoder.longest.fill_(min(config.max_len, int(dataset.interactions.lengths.max())))
            return self.Task(self, dataset, options, precision)

        self.facts = learn(self, dataset, options, begin)
        self._settle()

    def _scores(self, queries: Queries) -> FloatArray:
        result = np.empty((len(queries), self.n_items), dtype=np.float32)
        longest = int(self._encoder.longest)

        def answer(part: tuple[LongArray, Inputs]) -> None:
            rows, given = part
            states = self._answers(queries.take(rows), given)
            result[rows] = self._encoder.head.scores(self._scaled(states), self._weight).cpu().numpy()

        latest = queries.last(longest - self.both_ways)  # a gap to be filled takes a place
        side_by_side(answer, inputs(latest, longest=longest, start=self._encoder.start), self._weight.device)
        return result

    def _arrays(self) -> Arrays:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._encoder.state_dict().items()}

    def _restore(self, arrays: Arrays) -> None:
        known = Known.saved(self.config, arrays, 0 if self.event_types is None else len(self.event_types), len(self.scenarios))
        self._encoder = build(self.config, self.n_items, known, both_ways=self.both_ways).eval()
        try:
            self._encoder.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
        except RuntimeError as error:
            raise ArtifactIncompatible(f"{self.name}: the weights are those of another version; train again ({error})") from None
        self._settle()

    # ---- how

    def _settle(self) -> None:
        """Keep the item vectors as they score: they are the same for every request."""
        self._weight = self._item_weight().detach()

    def _answers(self, queries: Queries, given: Inputs) -> Tensor:
        """[B, D] the states that answer requests, of which `given` is what is read."""
        device, encoder = self._weight.device, self._encoder
        facts: tuple[NDArray[Any], ...] = ()  # `Any`: of several types
        if encoder.events is not None:
            scenario, wide = self.scenarios.code(queries.scenario), given.codes.shape[1]
            facts = event_facts(queries, longest=int(encoder.longest), scenario=scenario, width=wide)
        codes, times, asked, lengths, *more = (torch.from_numpy(array).to(device) for array in (*given, *facts))
        return encoder.answer(lengths, codes, *self._times(times, asked), *more)

    def _states(self, codes: Tensor, times: Tensor, asked: Tensor, *facts: Tensor) -> Tensor:
        """[B, L, D] states; time as far as the settings read it, `facts` as `Encoder` takes them after the times.

        While it trains, some windows are not told when the next event is, and some not where.
        """
        if self._encoder.training and self.config.time == "request":
            asked = torch.where(self._hidden(codes), times, asked)
        if self._encoder.training and "scenario" in self.config.inputs:
            *others, asked_scenarios = facts
            facts = (*others, asked_scenarios.masked_fill(self._hidden(codes), UNKNOWN))
        states: Tensor = self._encoder(codes, *self._times(times, asked), *facts)
        return states

    def _hidden(self, codes: Tensor) -> Tensor:
        """[B, 1] windows that are not told something; drawn anew."""
        return torch.rand(len(codes), 1, generator=own_generator(), device=codes.device) < self.config.context_dropout

    def _times(self, times: Tensor, asked: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The times that the settings read."""
        known: dict[str, tuple[Tensor | None, Tensor | None]] = {"none": (None, None), "history": (times, times), "request": (times, asked)}
        return known[self.config.time]

    def _scaled(self, states: Tensor) -> Tensor:
        """[..., U] states as they meet the item vectors."""
        return self._encoder.head.users(states)

    def _item_weight(self) -> Tensor:
        """[n_items, V] float32 item vectors as they score."""
        return self._encoder.head.items(self._encoder.item_weight())
