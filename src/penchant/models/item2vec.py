"""Items as words, histories as sentences: vectors of what is met together."""

from collections.abc import Sequence
from typing import ClassVar

from penchant.core.errors import MissingExtraError

try:
    import torch
except ModuleNotFoundError:
    raise MissingExtraError("Item2Vec", "torch") from None

import numpy as np
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.core.artifact import Arrays
from penchant.core.types import FloatArray, Queries, rows_of
from penchant.data import Dataset
from penchant.models.base import FitOptions, Model
from penchant.models.encoder_config import WHOLE, TrainingConfig
from penchant.models.learning import learn
from penchant.models.space import Real, Space, Whole
from penchant.nn.sampled import Sampler
from penchant.training.loader import Batch, WindowLoader
from penchant.training.shards import shard
from penchant.training.validation import holdout, mean_ndcg

SHARED = 256  # negatives of a step, for all its pairs


class Item2VecConfig(TrainingConfig):
    """Settings of `Item2Vec`."""

    space: ClassVar[Space] = {
        "embedding_dim": Whole(16, 256, log=True),
        "window": Whole(1, 20, log=True),
        "negatives": Real(1, 20, log=True),
        "power": Real(0, 1),
        "recent": Whole(1, 50, log=True),
        "decay": Real(0.3, 1),
        "learning_rate": Real(1e-3, 2e-2, log=True),
    }

    embedding_dim: int = Field(64, ge=1)
    window: int = Field(5, ge=1)  # events on either side that an item is met with
    negatives: float = Field(5.0, gt=0)  # weight of what was not met, in pairs for each pair
    power: float = Field(0.75, ge=0, le=1)  # negatives come as often as their item, to this power
    recent: int = Field(5, ge=1)  # latest events whose mean answers
    decay: float = Field(0.5, gt=0, le=1)  # weight of an event in that mean, in the weight of the one after it
    learning_rate: float = Field(5e-3, gt=0)
    embedding_learning_rate: float | None = Field(None, gt=0)


class Item2Vec(Model):
    """Skip-gram with negative sampling over histories; an answer is what is nearest to the mean of the latest items,
    the very latest weighing most.

    Reference: Barkan & Koenigstein, "Item2Vec: Neural Item Embedding for Collaborative Filtering", MLSP 2016, arXiv:1603.04259,
    section 3; Mikolov et al., "Distributed Representations of Words and Phrases", NeurIPS 2013, arXiv:1310.4546.
    Differs: a window around each event instead of the whole history as a set; negatives shared by a step; frequent items are not
    thinned out; AdamW instead of plain steps. Requests, which the paper does not speak of, are answered by cosine with the mean.
    Cost: training O(E·(window + 256)·D) an epoch for E events; memory O(n_items·D).
    """

    name = "item2vec"
    Config = Item2VecConfig
    needs_history = True
    together = True
    config: Item2VecConfig

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        def begin(device: torch.device, _precision: torch.dtype) -> _SkipGram:
            vectors = _Vectors(dataset.n_items, self.config.embedding_dim)
            if dataset.n_items > WHOLE:
                vectors.items, vectors.contexts = shard(vectors.items, device), shard(vectors.contexts, device)
            self._vectors = vectors.to(device)
            return _SkipGram(self, dataset, options)

        self.facts = learn(self, dataset, options, begin)

    def _scores(self, queries: Queries) -> FloatArray:
        vectors = F.normalize(self._vectors.items.weight.detach(), dim=-1).cpu().numpy()
        latest = queries.last(self.config.recent)
        means = np.zeros((len(queries), vectors.shape[1]), np.float32)
        rows = rows_of(latest.offsets)
        since = latest.offsets[1:][rows] - 1 - np.arange(len(rows))  # events after each
        np.add.at(means, rows, vectors[latest.items] * np.float32(self.config.decay) ** since[:, None].astype(np.float32))
        scores: FloatArray = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12) @ vectors.T
        return scores

    def _arrays(self) -> Arrays:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._vectors.state_dict().items()}

    def _restore(self, arrays: Arrays) -> None:
        self._vectors = _Vectors(self.n_items, self.config.embedding_dim)
        self._vectors.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})


class _Vectors(nn.Module):
    """Two vectors an item: as what is met, and as what it is met with."""

    def __init__(self, n_items: int, dim: int) -> None:
        super().__init__()
        self.items, self.contexts = nn.Embedding(n_items, dim), nn.Embedding(n_items, dim)
        nn.init.uniform_(self.items.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.contexts.weight)


class _SkipGram:
    """Tell each item's neighbours in a history from items drawn at random."""

    def __init__(self, model: Item2Vec, dataset: Dataset, options: FitOptions) -> None:
        config = model.config
        self.module: nn.Module = model._vectors
        self._model, self._vectors, self._start = model, model._vectors, dataset.n_items
        counts = np.bincount(dataset.interactions.items, minlength=dataset.n_items) ** config.power
        self._sampler = Sampler("popularity", torch.from_numpy(counts)).to(model._vectors.items.weight.device)
        self._loader = WindowLoader(
            dataset.interactions,
            start=self._start,
            max_len=config.max_len,
            batch_events=config.batch_events_for(dataset.n_events),
            seed=config.seed,
            augment=config.augmented(),
        )
        validation = options.validation
        self._held = None if validation is None else holdout(validation, limit=config.validation_users, seed=config.seed)
        self.validates, self.divisible = self._held is not None and len(self._held[0]) > 0, True

    def batches(self, epoch: int) -> Sequence[Batch]:
        """As the loader cuts them."""
        return self._loader.epoch(epoch)

    def loss(self, batch: Batch) -> Tensor:
        """Binary cross-entropy, the mean over pairs of neighbours."""
        vectors, config = self._vectors, self._model.config
        batch = batch.to(vectors.items.weight.device)
        codes = torch.full_like(batch.codes, self._start)
        codes.view(-1)[batch.real] = batch.targets
        met, contexts = (table(codes.clamp(max=self._start - 1)) for table in (vectors.items, vectors.contexts))  # [B, L, D]
        real = codes != self._start
        counts, wanted = torch.zeros(codes.shape, device=codes.device), met.new_zeros(())
        for apart in range(1, min(config.window, codes.shape[1] - 1) + 1):
            pairs = real[:, apart:]  # left-aligned: what is real there is real before, too
            for one, other in ((slice(None, -apart), slice(apart, None)), (slice(apart, None), slice(None, -apart))):
                wanted = wanted + (F.softplus(-(met[:, one] * contexts[:, other]).sum(-1)) * pairs).sum()
                counts[:, one] += pairs
        drawn, _ = self._sampler(SHARED, batch.targets)
        against = F.softplus(met.flatten(0, 1) @ vectors.contexts(drawn).t()).mean(1)
        total: Tensor = (wanted + config.negatives * (against * counts.view(-1)).sum()) / counts.sum().clamp(min=1)
        return total

    def validate(self) -> float | None:
        """NDCG@10, seen items left out."""
        if self._held is None:
            return None
        requests, wanted = self._held
        return mean_ndcg(self._model.recommend(requests, 10), wanted, at=10)
