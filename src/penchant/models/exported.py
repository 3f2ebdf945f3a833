"""A sequence model as an ONNX graph: answers as the one it was made of, without torch."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from penchant.core.artifact import Arrays
from penchant.core.errors import MissingExtraError, did_you_mean
from penchant.core.types import FloatArray, LongArray, Queries
from penchant.data import Dataset
from penchant.models import MODELS
from penchant.models.base import FitOptions, Model, ModelConfig
from penchant.models.inputs import EventFacts, event_facts, inputs

CELLS = 2**18  # scores that a graph works out at once: one that holds a network needs up to a hundred numbers for each
BLOCK = 2**20  # int8 numbers that are made floats at once: 4 MiB, which a cache holds


class ExportedConfig(ModelConfig):
    """Settings of `Exported`."""

    of: str = "sasrec"  # the class of sequence model that is trained and then exported
    settings: dict[str, Any] = Field(default_factory=dict)  # its settings; `Any`: checked by its class before it is trained
    int8: bool = False  # item vectors in one byte a number with one scale a row, and matrix products in whole numbers

    @field_validator("of")
    @classmethod
    def _is_known(cls, of: str) -> str:
        if of not in MODELS:
            raise ValueError(f"no such model{did_you_mean(of, MODELS)}")
        return of


class Exported(Model):
    """Answers of a trained sequence model from its ONNX graph and its item vectors: what a server needs, and no torch.

    Training one trains the model that `of` names; `Exported.of` and `penchant models export` take one that is trained.

    Reference: the ONNX standard, operator set 20; whole numbers as in Jacob et al., "Quantization and Training of Neural Networks
    for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, arXiv:1712.05877, section 2.
    Differs: weights are rounded after training, symmetrically; inputs of products are scaled anew in each request, and whole numbers
    serve one request at a time.
    Cost: of the model it is made of; the item vectors take a quarter of the memory where `int8` is on.
    """

    name = "exported"
    Config = ExportedConfig
    log_scores = True
    config: ExportedConfig

    @classmethod
    def of(cls, model: Model, *, int8: bool = False) -> Self:
        """`model`, a trained sequence model, without need of torch. Raises ConfigError for other models, MissingExtraError."""
        exported = cls(of=model.name, settings=model.config.model_dump(mode="json"), int8=int8)
        exported.items, exported.event_types, exported.scenarios = model.items, model.event_types, model.scenarios
        exported.fingerprint, exported.facts = model.fingerprint, dict(model.facts)
        exported._take(model)
        return exported

    def _fit(self, dataset: Dataset, options: FitOptions) -> None:
        from penchant.models.export import exportable

        model = exportable(self.config.of, self.config.settings).fit(dataset, options)
        self._take(model)
        self.facts = dict(model.facts)

    def _scores(self, queries: Queries) -> FloatArray:
        result = np.empty((len(queries), self.n_items), dtype=np.float32)
        for rows, given in self._inputs(queries):
            (answer,) = self._session.run(None, given)
            result[rows] = answer if self._weight is None else _products(answer, self._weight, self._scales)
        return result

    def _arrays(self) -> Arrays:
        sizes = {"longest": np.array([self._longest]), "read": np.array([self._latest])}
        arrays = {"graph": self._graph, **sizes, "items": self._weight, "scales": self._scales}
        return {name: array for name, array in arrays.items() if array is not None}

    def _restore(self, arrays: Arrays) -> None:
        self._graph, self._longest = arrays["graph"], arrays["longest"].item()
        self._latest = arrays["read"].item() if "read" in arrays else self._longest
        self._weight, self._scales = arrays.get("items"), arrays.get("scales")
        self._session = _session(self._graph.tobytes())
        self._read = frozenset(each.name for each in self._session.get_inputs())

    # ---- how

    def _take(self, model: Model) -> None:
        from penchant.models.export import arrays_of, check_alike

        self._restore(arrays_of(model, int8=self.config.int8))
        if not self.config.int8:
            check_alike(model, self)

    def _inputs(self, queries: Queries) -> Iterator[tuple[LongArray, dict[str, NDArray[Any]]]]:
        """Rows of requests and what the graph reads of them, by name. `Any`: each input has its own type.

        A graph that works out scores gets few requests at once. Whole numbers are scaled for all that is read together, so there each
        request is read alone: nobody else changes its answer.
        """
        scenario = self.scenarios.code(queries.scenario)
        size = CELLS // self.n_items if self._weight is None else len(queries)
        size = 1 if self.config.int8 else max(1, size)
        for first in range(0, len(queries), size):
            group = np.arange(first, min(first + size, len(queries)))
            for rows, given in inputs(queries.take(group).last(self._latest), longest=self._longest, start=self.n_items):
                named = given._asdict()
                if not self._read.isdisjoint(EventFacts._fields):
                    asked, wide = queries.take(group[rows]), given.codes.shape[1]
                    facts = event_facts(asked, longest=self._longest, scenario=scenario, width=wide)._asdict()
                    named |= {name: array if array.dtype == np.float32 else array.astype(np.int64) for name, array in facts.items()}
                yield group[rows], {name: array for name, array in named.items() if name in self._read}


def _session(graph: bytes) -> Any:
    """An ONNX session, which any number of threads may run. `Any`: onnxruntime is not typed."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingExtraError("an exported model", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # answers are small, and a server gives many at once
    options.log_severity_level = 3  # errors; what is wrong is raised anyway
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _products(states: FloatArray, weight: NDArray[Any], scales: FloatArray | None) -> FloatArray:
    """[B, n_items] states [B, D] · weight [n_items, D], the rows of an int8 weight times their scales. `Any`: float32 or int8."""
    result = np.empty((len(states), len(weight)), dtype=np.float32)
    if scales is None:
        return np.matmul(states, weight.T, out=result)
    step = max(1, BLOCK // weight.shape[1])
    for start in range(0, len(weight), step):
        np.matmul(states, weight[start : start + step].T.astype(np.float32), out=result[:, start : start + step])
    result *= scales
    return result
