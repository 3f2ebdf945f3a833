"""External id ↔ int32 code. Ids are byte-exact strings outside, codes inside; this is the border."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import polars as pl

from penchant.core.errors import UnknownIdError
from penchant.core.types import UNKNOWN, IntArray


class Vocabulary:
    """Ids in the order of their codes; code = position; −1 = unknown. Immutable."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = tuple(ids)
        if len(self._codes) != len(self._ids):
            raise ValueError("vocabulary: an id is listed twice")

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {id_: code for code, id_ in enumerate(self._ids)}

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids; position = code."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._codes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    def code(self, id_: str) -> int:
        """The code of one id, −1 when unknown."""
        return self._codes.get(id_, UNKNOWN)

    def id(self, code: int) -> str:
        """The id of one code. Raises UnknownIdError outside the vocabulary."""
        if not 0 <= code < len(self._ids):
            raise UnknownIdError(f"code {code} is outside the vocabulary of {len(self._ids)} ids")
        return self._ids[code]

    def encode(self, ids: pl.Series | Sequence[str]) -> IntArray:
        """[L] codes of a column of ids, −1 where unknown."""
        column = pl.Series("id", ids, dtype=pl.String)
        known = pl.DataFrame({"id": pl.Series(self._ids, dtype=pl.String), "code": np.arange(len(self._ids), dtype=np.int32)})
        codes = column.to_frame().join(known, on="id", how="left", maintain_order="left")["code"]
        return codes.fill_null(UNKNOWN).to_numpy().astype(np.int32, copy=False)

    def decode(self, codes: IntArray) -> list[str]:
        """The ids of codes, all of which must be known."""
        return [self.id(int(code)) for code in codes]

    def extended(self, ids: Iterable[str]) -> "Vocabulary":
        """This vocabulary with the unknown ones among `ids` appended; old codes stay."""
        fresh = dict.fromkeys(id_ for id_ in ids if id_ not in self._codes)
        return Vocabulary((*self._ids, *fresh)) if fresh else self
