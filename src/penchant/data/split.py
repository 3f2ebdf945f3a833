"""A data set in three: what models learn from, what tunes them, what judges them. Every part is a data set again.

Validation and test mark the events to predict in `targets` and hold the history that precedes them, so the three are nested:
test without its targets = all that was known before the test, validation without its targets = the training data.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from penchant.core.errors import ConfigError, DataError
from penchant.core.types import UNKNOWN, BoolArray, LongArray, offsets_of
from penchant.data.dataset import Dataset
from penchant.data.interactions import Interactions
from penchant.data.vocabulary import Vocabulary

# One event to learn from, one to tune on, one to be judged by.
MIN_EVENTS = 3


@dataclass(frozen=True)
class Split:
    """Three nested data sets over the same vocabularies; the order of events is that of the original."""

    train: Dataset
    validation: Dataset  # with `targets`
    test: Dataset  # with `targets`
    facts: dict[str, Any] = field(default_factory=dict)  # what was cut where; JSON values

    @property
    def known(self) -> Dataset:
        """All that was known before the test: training and validation together, without targets."""
        return without_targets(self.test)


def leave_one_out(dataset: Dataset) -> Split:
    """Each user's last event is the test, the one before the validation, the rest is for training.

    Users with fewer than three events are in the training data only. Raises DataError where nobody has three.
    """
    return _by_user(dataset, np.ones(dataset.n_users, np.int64), np.ones(dataset.n_users, np.int64))


def ratio(dataset: Dataset, *, test: float = 0.2, validation: float = 0.1) -> Split:
    """The last `test` share of each user's events is the test, the share before it the validation, the rest is for training.

    Shares are rounded down, but to one event at least where they are not 0. Users with fewer than three events are in the training
    data only. Raises ConfigError for shares that leave nothing, DataError where nobody has three events.
    """
    _check_shares(test, validation)
    lengths = dataset.interactions.lengths
    tested = np.maximum(1, np.floor(test * lengths + 1e-9).astype(np.int64))
    tuned = np.maximum(1, np.floor(validation * lengths + 1e-9).astype(np.int64)) if validation else np.zeros_like(tested)
    return _by_user(dataset, tested, np.minimum(tuned, np.maximum(0, lengths - tested - 1)))


def temporal(
    dataset: Dataset, *, test: float = 0.1, validation: float = 0.1, validation_from: int | None = None, test_from: int | None = None
) -> Split:
    """One moment cuts all users: what happened from then on is to be predicted from what happened before.

    The cuts are the instants (UTC µs) given, or those that leave the `test` share of all events behind the second cut and the
    `validation` share between the two. Events of equal time fall on the same side. Users without history before the cut are
    judged too, with an empty history. Raises ConfigError for shares that leave nothing, DataError where a side is empty.
    """
    _check_shares(test, validation)
    times = dataset.interactions.timestamps
    test_from = _instant(times, 1 - test) if test_from is None else test_from
    if validation_from is None:
        validation_from = min(test_from, _instant(times, 1 - test - validation)) if validation else test_from
    in_test, in_train = times >= test_from, times < validation_from
    if not in_train.any() or not in_test.any():
        side = "before" if not in_train.any() else "from"
        raise DataError(
            f"temporal: no event lies {side} the cut in {dataset.name!r} ({len(times):,} events, {len(np.unique(times)):,} "
            "different times); split by leave-one-out or ratio instead, or name another instant"
        )
    split = _nested(dataset, in_test, ~in_train & ~in_test)
    tested = np.unique(dataset.interactions.users[in_test])
    cold = len(tested) - len(np.intersect1d(tested, dataset.interactions.users[~in_test]))
    facts = {"validation_from": int(validation_from), "test_from": int(test_from), "cold_users": cold}
    return replace(split, facts=split.facts | facts)


def given(train: Dataset, test: Dataset, *, validation: float = 0.1) -> Split:
    """The test is a data set of its own; validation is the last share of each user's training events, in whole baskets.

    A basket is what has one time: where the cut falls into one, all of it is validation, if something comes before it.
    Ids that only the test knows get codes after those of the training data. Test events follow the training events of
    their user whatever their times say; where they would begin earlier, all are moved to begin just after the training ends.
    """
    users = train.users.extended(test.users.ids)
    items = train.items.extended(test.items.ids)
    kinds = train.event_types.extended(test.event_types.ids)
    scenarios = train.scenarios.extended(test.scenarios.ids)
    old, new = train.interactions, test.interactions
    shift = max(0, int(old.timestamps.max()) + 1 - int(new.timestamps.min())) if len(old) and len(new) else 0
    user_codes = np.concatenate([old.users, users.encode(test.users.ids)[new.users]])
    order = np.argsort(user_codes, kind="stable")
    places = None
    if len(scenarios):
        to_merged = np.append(scenarios.encode(test.scenarios.ids), UNKNOWN).astype(np.int16)  # −1 stays −1
        places = np.concatenate([old.places, to_merged[new.places]])
    merged = Interactions(
        offsets_of(np.bincount(user_codes, minlength=len(users))),
        np.concatenate([old.items, items.encode(test.items.ids)[new.items]])[order],
        np.concatenate([old.event_types, kinds.encode(test.event_types.ids).astype(np.int16)[new.event_types]])[order],
        np.concatenate([old.values, new.values])[order],
        np.concatenate([old.timestamps, new.timestamps + shift])[order],
        None if places is None else places[order],
    )
    dataset = replace(
        train,
        interactions=merged,
        users=users,
        items=items,
        event_types=kinds,
        scenarios=scenarios,
        item_features=_extended(train.item_features, test.item_features, items),
        user_features=_extended(train.user_features, test.user_features, users),
        targets=None,
    )
    in_test = np.repeat([False, True], [len(old), len(new)])[order]
    known = dataset.keep(~in_test)
    in_validation = np.zeros(len(merged), dtype=bool)
    if validation and (tuned := ratio(known, test=validation, validation=0.0).test.targets) is not None:
        in_validation[~in_test] = _whole_baskets(known.interactions, tuned)
    return _nested(dataset, in_test, in_validation)


def without_targets(dataset: Dataset) -> Dataset:
    """What precedes the targets of a split's part."""
    if dataset.targets is None:
        return dataset
    return replace(dataset.keep(~dataset.targets), targets=None)


def _by_user(dataset: Dataset, tested: LongArray, tuned: LongArray) -> Split:
    """[U] events for test and, before them, for validation at the end of each long enough history."""
    events = dataset.interactions
    enough = events.lengths >= MIN_EVENTS
    if not enough.any():
        longest = int(events.lengths.max()) if dataset.n_users else 0
        raise DataError(
            f"{dataset.name!r}: no user has the {MIN_EVENTS} events that one to learn from, one to tune on and one to be judged by need; "
            f"the longest of {dataset.n_users:,} histories has {longest}"
        )
    from_end = np.repeat(events.offsets[1:], events.lengths) - np.arange(len(events))  # 1 = the last
    tested, tuned = np.where(enough, tested, 0), np.where(enough, tuned, 0)
    in_test = from_end <= np.repeat(tested, events.lengths)
    in_validation = ~in_test & (from_end <= np.repeat(tested + tuned, events.lengths))
    return _nested(dataset, in_test, in_validation)


def _whole_baskets(events: Interactions, last: BoolArray) -> BoolArray:
    """`last`, the end of each history, with the rest of the baskets that it begins in; as it is where that would be everything."""
    never = np.iinfo(np.int64).max
    begins = np.full(len(events.lengths), never)
    np.minimum.at(begins, events.users[last], events.timestamps[last])
    begins[begins == _first_times(events, never)] = never
    return last | (events.timestamps >= begins[events.users])


def _first_times(events: Interactions, otherwise: int) -> LongArray:
    """[U] when each history begins; `otherwise` where it is empty."""
    first = np.full(len(events.lengths), otherwise)
    some = events.lengths > 0
    first[some] = events.timestamps[events.offsets[:-1][some]]
    return first


def _nested(dataset: Dataset, in_test: BoolArray, in_validation: BoolArray) -> Split:
    known = dataset.marked(in_validation).keep(~in_test)
    users = dataset.interactions.users
    active = len(np.unique(users))
    facts = {
        "train_events": int((~in_test & ~in_validation).sum()),
        "validation_events": int(in_validation.sum()),
        "test_events": int(in_test.sum()),
        "users_without_test": active - len(np.unique(users[in_test])),
    }
    return Split(without_targets(known), known, dataset.marked(in_test), facts)


def _instant(times: LongArray, share: float) -> int:
    """The time that has at least about this share of all events before it, and none of those at or after."""
    if not len(times):
        raise DataError("temporal: the data set has no events; import some first")
    position = min(len(times) - 1, int(np.ceil(share * len(times) - 1e-9)))
    return int(np.partition(times, position)[position])


def _check_shares(test: float, validation: float) -> None:
    problems = [
        f"{name}: must be {allowed}; received: {share!r}"
        for name, share, allowed, fine in (
            ("test", test, "above 0 and below 1", 0 < test < 1),
            ("validation", validation, "at least 0 and below 1", 0 <= validation < 1),
        )
        if not fine
    ]
    if not problems and test + validation >= 1:
        problems = [f"test + validation: must leave something to learn from; received: {test!r} + {validation!r}"]
    if problems:
        raise ConfigError(problems)


def _extended(old: pl.DataFrame | None, new: pl.DataFrame | None, ids: Vocabulary) -> pl.DataFrame | None:
    """The rows of `old`, then those of `new` for ids that are new, then empty ones: one row a code."""
    if old is None:
        return None
    key = old.columns[0]
    rest = pl.DataFrame({key: pl.Series(ids.ids[len(old) :], dtype=pl.String)})
    if new is not None:
        rest = rest.join(
            new.select(key, *[c for c in new.columns if c in old.columns and c != key]), on=key, how="left", maintain_order="left"
        )
    return pl.concat([old, rest], how="diagonal_relaxed")
