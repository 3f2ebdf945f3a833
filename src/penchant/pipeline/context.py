"""What a request is asked from, before anything is retrieved."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from penchant.core.types import Queries, offsets_of, rows_of


class Context(Protocol):
    """Completes requests."""

    def prepare(self, queries: Queries) -> Queries:
        """The same requests, completed or narrowed."""
        ...


class SeedsAsHistory:
    """Asks with the seeds in place of the history: "what goes with these?" instead of "what does this user want?"."""

    def prepare(self, queries: Queries) -> Queries:
        """The same requests, each history being the request's seeds at the time of the request."""
        if queries.seeds is None:
            return queries.keep_events(np.zeros(len(queries.items), dtype=bool))
        seeds = queries.seeds
        total = len(seeds.values)
        return replace(
            queries,
            offsets=offsets_of(np.diff(seeds.offsets)),
            items=seeds.values,
            event_types=np.zeros(total, np.int16),
            values=np.full(total, np.nan, np.float32),
            timestamps=queries.at[rows_of(seeds.offsets)],
            scenarios=None,
        )
