"""From a trained sequence model to the arrays of `penchant.models.exported`. Needs torch and onnx; what it makes needs neither."""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penchant.core.artifact import Arrays, Artifact
from penchant.core.clock import DAY, SECOND
from penchant.core.errors import ArtifactError, ConfigError, MissingExtraError
from penchant.core.types import FloatArray, Queries
from penchant.models import MODELS
from penchant.models.auto import Auto
from penchant.models.base import Model
from penchant.models.exported import Exported
from penchant.models.inputs import EventFacts

try:
    import onnx
    import onnxruntime.quantization
    import onnxscript  # noqa: F401  (torch writes graphs with it)
    import torch
except ModuleNotFoundError:
    raise MissingExtraError("the export of models", "export") from None

from torch import Tensor, nn
from torch.export import Dim

from penchant.models.encoder import EncoderModel
from penchant.nn.heads import DotHead

LEAST_LENGTH = 3  # of `max_len`: a length that can hardly vary does not become a variable of the graph
TOLERANCE = 1e-4  # of the largest score


def export(artifact: Artifact, *, int8: bool = False) -> Artifact:
    """What answers as `artifact` does, without torch: of a sequence model, or of a blend that holds one.

    Raises ConfigError where there is nothing that needs torch.
    """
    model: Model = MODELS.load(artifact.model).from_artifact(artifact)
    if not isinstance(model, Auto):
        return replace(Exported.of(model, int8=int8).artifact(), metrics=artifact.metrics)
    members = {name: member.artifact() for name, member in model._members.items()}
    sequential = [name for name, member in model._members.items() if isinstance(member, EncoderModel)]
    if not sequential:
        raise ConfigError(f"auto: none of its members needs torch: {', '.join(members)}; there is nothing to export")
    members |= {name: export(members[name], int8=int8) for name in sequential}
    arrays = {name: array for name, array in artifact.arrays.items() if "/" not in name}
    arrays |= {f"{name}/{key}": array for name, member in members.items() for key, array in member.arrays.items()}
    tables = {name: {"model": member.model, **member.config} for name, member in members.items()}
    return replace(artifact, config={**artifact.config, "members": tables}, arrays=arrays)


def exportable(name: str, settings: Mapping[str, Any]) -> Model:
    """An untrained model that can be exported. Raises ConfigError. `Any`: checked here."""
    kind = MODELS.load(name)
    if not issubclass(kind, EncoderModel):
        raise ConfigError(f"exported.of: {name!r} is no sequence model; only those are exported, for others answer without torch")
    model: Model = kind(**settings)
    return model


def arrays_of(model: Model, *, int8: bool) -> Arrays:
    """The graph of a trained sequence model, and its item vectors where they are not a part of it. Raises ConfigError for others."""
    if not isinstance(model, EncoderModel):
        raise ConfigError(f"{model.name!r} is no sequence model; only those are exported, for others answer without torch")
    if model.config.max_len < LEAST_LENGTH:
        raise ConfigError(f"{model.name}: max_len must be at least {LEAST_LENGTH} to export it; received: {model.config.max_len}")
    graph = _in_whole_numbers(_graph(_with_rounded_items(model))) if int8 else _graph(model)
    longest = int(model._encoder.longest)
    arrays = {"graph": _bytes(graph), "longest": np.array([longest]), "read": np.array([longest - model.both_ways])}
    if not isinstance(model._encoder.head, DotHead):
        return arrays
    weight = model._weight.cpu().numpy()
    codes, scales = rounded(weight)
    return {**arrays, "items": codes, "scales": scales} if int8 else {**arrays, "items": weight}


def check_alike(model: Model, exported: Model) -> None:
    """Raises ArtifactError where both do not answer the same, be it to the shortest, the longest or the oldest history."""
    longest = 2 * model.config.max_len
    histories = [np.arange(length) % model.n_items for length in (0, 1, 2, longest // 3, longest)]
    times = [np.arange(len(history)) ** 2 * SECOND for history in histories]
    places = model.scenarios.ids
    told = (np.arange(sum(map(len, histories))) % (len(places) + 1) - 1).astype(np.int16)
    requests = Queries.of(histories, timestamps=times, at=DAY * 4_000, scenario=places[-1] if places else "", scenarios=told)
    ours, theirs = model.scores(requests), exported.scores(requests)
    apart = float(np.abs(ours - theirs).max() / max(1.0, float(np.abs(ours).max())))
    if not apart < TOLERANCE:
        raise ArtifactError(f"{model.name}: the graph that torch made of it scores otherwise, by {apart:.2g} of the largest score")


def rounded(weight: FloatArray) -> tuple[np.ndarray[Any, np.dtype[np.int8]], FloatArray]:
    """int8 [N, D] and scales [N] whose product is nearest to `weight` [N, D]; a row of zeros stays one. `Any`: shape."""
    scales = (np.abs(weight).max(axis=1) / 127).astype(np.float32)
    codes = np.rint(weight / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    return codes, scales


class _Answer(nn.Module):
    """What is exported: of each row, [B, U] what meets the item vectors, or [B, n_items] scores where that is no mere product."""

    def __init__(self, model: EncoderModel) -> None:
        super().__init__()
        self.encoder, self.model = model._encoder, model
        self.weight = None if isinstance(model._encoder.head, DotHead) else nn.Buffer(model._weight.clone())

    def forward(
        self,
        codes: Tensor,
        lengths: Tensor,
        times: Tensor | None = None,
        asked: Tensor | None = None,
        facts: tuple[Tensor, ...] = (),
    ) -> Tensor:
        """From the inputs of `penchant.models.inputs`, those that the model reads."""
        told = self.model._times(codes if times is None else times, codes if asked is None else asked)
        users = self.model._scaled(self.encoder.answer(lengths, codes, *told, *facts))
        return users if self.weight is None else self.encoder.head.scores(users, self.weight)


class _RoundedItems(nn.Module):
    """An embedding whose rows are int8 times a scale each."""

    def __init__(self, weight: FloatArray) -> None:
        super().__init__()
        codes, scales = rounded(weight)
        self.codes, self.scales = nn.Buffer(torch.from_numpy(codes)), nn.Buffer(torch.from_numpy(scales))

    def forward(self, items: Tensor) -> Tensor:
        """[..., D] float32."""
        found: Tensor = self.codes[items].float() * self.scales[items].unsqueeze(-1)
        return found


def _with_rounded_items(model: EncoderModel) -> EncoderModel:
    twin = copy(model)
    twin._encoder = deepcopy(model._encoder)
    twin._encoder.items = _RoundedItems(model._encoder.items.weight.detach().cpu().numpy())  # type: ignore[assignment]  # reads alike
    return twin


def _graph(model: EncoderModel) -> Any:
    """The ONNX model of an encoder, batch and length open. `Any`: onnx is not typed."""
    batch, length = Dim("batch"), Dim("length", max=model.config.max_len)
    codes = torch.arange(2 * LEAST_LENGTH).reshape(2, LEAST_LENGTH) % (model._encoder.n_items + 1)
    given: dict[str, Any] = {"codes": codes, "lengths": torch.tensor([LEAST_LENGTH, 1])}
    if model.config.time != "none":
        given |= {name: torch.zeros_like(codes, dtype=torch.int32) for name in ("times", "asked")}
    row, names = {0: batch, 1: length}, list(given)
    shapes: dict[str, Any] = {**dict.fromkeys(given, row), "lengths": {0: batch}}
    if model._encoder.events is not None:
        kinds = {name: torch.float32 if name == "values" else torch.int64 for name in EventFacts._fields}
        names += kinds
        given["facts"] = tuple(torch.zeros_like(codes, dtype=kind) for kind in kinds.values())
        shapes["facts"] = (row,) * len(kinds)
    with torch.no_grad(), _quietly():
        program = torch.onnx.export(
            _Answer(model).eval(),
            kwargs=given,
            input_names=names,
            output_names=["answer"],
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    graph = None if program is None else program.model_proto
    if graph is None or not all(axis.dim_param for each in graph.graph.input for axis in each.type.tensor_type.shape.dim):
        # Seen with recurrent bodies from the second export of a process on.
        raise ArtifactError(f"{model.name}: torch made no graph for histories of every length; export it in a process of its own")
    return graph


def _in_whole_numbers(graph: Any) -> Any:
    """The same with int8 weights in matrix products. `Any`: as above."""
    in_heads = {weight.name for weight in graph.graph.initializer if len(weight.dims) > 2}  # which onnxruntime cannot round by channel
    whole = [node.name for node in graph.graph.node if not in_heads & set(node.input)]
    with tempfile.TemporaryDirectory() as folder, _quietly():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(graph, before)
        onnxruntime.quantization.quantize_dynamic(
            before,
            after,
            op_types_to_quantize=["MatMul", "Gemm"],
            nodes_to_quantize=whole,
            per_channel=True,
            extra_options={"MatMulConstBOnly": True},
        )
        return onnx.load(after)


def _bytes(graph: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A graph as an array, without the names of files and lines it came from. `Any`: as above."""
    for node in graph.graph.node:
        del node.metadata_props[:]
    for value in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del value.metadata_props[:]
    return np.frombuffer(graph.SerializeToString(deterministic=True), dtype=np.uint8)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what torch and onnxruntime remark about their own insides; what fails raises."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
