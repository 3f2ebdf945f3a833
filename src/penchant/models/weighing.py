"""What each member of a blend is worth: learned from requests whose outcome is known and that no member was trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from penchant.core.log import logger
from penchant.core.random import generator
from penchant.core.types import BoolArray, FloatArray, Jagged, LongArray, Queries, rows_of
from penchant.index.exact import top_n
from penchant.index.hide import hide
from penchant.models.base import Model
from penchant.models.choice import Choices, Weights, fit, gains, log_likelihood
from penchant.models.held_back import since_last

BLOCK = 2**22  # scores held at once of one member
CANDIDATES = 50  # of each member, among which the weights learn to tell what was chosen; as many again where things are met again
PRIOR = 2.0  # requests that the prior, all members alike, is worth
CAUTION = 10.0  # times as much for what makes a weight depend on the request or the item
NEWCOMERS = 1_000  # requests at most from which to learn what to answer without a history
LEAST = 50  # requests; from fewer nothing is learned

# A member's weights: of what it says, of that times the length of the history, of that times the frequency of the item, of that where
# the history holds the item, and of that where the request comes in the middle of a sitting. After all members': the weight of the
# frequency, and that of being held.
PER_MEMBER, COMMON = 5, 2


def evidence(model: Model, queries: Queries) -> FloatArray:
    """[B, n_items] float32, at least 0: log(1 + n_items · share of the item in all that the model gives the request).

    0 is what a model says that knows nothing; log 2 is an item it thinks as likely as chance would.
    """
    scores = model.scores(queries)
    if model.log_scores:
        np.exp(scores - scores.max(axis=1, keepdims=True), out=scores)
    else:
        np.maximum(scores, 0, out=scores)  # −inf: the model cannot say
    totals = scores.sum(axis=1, keepdims=True)
    scores *= scores.shape[1] / np.where(totals > 0, totals, 1)
    return np.log1p(scores, out=scores)


@dataclass(frozen=True)
class Weighing:
    """How much each of M members counts."""

    names: tuple[str, ...]
    weights: Weights  # [2, PER_MEMBER · M + COMMON]: requests without history, with
    lengths: Weights  # [4] of log(1 + length of the history) in what was learned from: mean, deviation, least, greatest
    sittings: Weights = field(default_factory=lambda: np.zeros(2))  # [2] share of requests within one, and µs between two of them
    gains: dict[str, float] = field(default_factory=dict)  # mean NDCG@10 among the candidates: of each member, cross-validated of the blend

    def longer(self, lengths: LongArray) -> FloatArray:
        """[B] how much longer than usual the histories are, as far as was learned about."""
        mean, deviation, low, high = self.lengths
        result: FloatArray = ((np.clip(np.log1p(lengths), low, high) - mean) / deviation).astype(np.float32)
        return result

    def within(self, requests: Queries) -> FloatArray:
        """[B] whether each comes within the sitting of its last event, 1 or 0, less the share of those that do.

        Without a history, or where a request has the very time of its last event because its own is not known, that cannot be told:
        half of what it is between two sittings.
        """
        share, between = self.sittings
        gaps = since_last(requests)
        result: FloatArray = np.where(gaps > 0, (gaps < between) - share, -share / 2).astype(np.float32)
        return result


@dataclass(frozen=True)
class Lesson:
    """What the weights are learned from."""

    requests: Queries
    targets: Jagged  # what each wanted
    frequency: FloatArray  # [n_items] standardised
    again: bool  # whether what a history holds may be wanted again
    within: FloatArray  # [R] 1 where a request comes within the sitting of its last event, else 0
    between: float  # µs between two sittings; 0 = sittings do not matter

    def of_newcomers(self) -> "Lesson":
        """The same wishes by people of whom nothing is known, at most `NEWCOMERS`."""
        some = np.arange(min(len(self.requests), NEWCOMERS), dtype=np.int64)
        asked = self.requests.take(some)
        nothing = np.zeros(len(asked.items), dtype=bool)
        requests, targets, within = asked.keep_events(nothing), self.targets.take(some), self.within[some]
        return replace(self, requests=requests, targets=targets, again=False, within=within, between=0.0)


def weigh(members: Mapping[str, Model], lesson: Lesson, *, worth: float, seed: int) -> Weighing:
    """The weights of `members`, those that do not earn their cost left out; the best alone where the blend is not better.

    A member stays while the cross-validated log-likelihood falls by `worth` nats a request without it. Better is more than one
    standard error of the difference in gain; where things are wanted again, be it with what a history holds or without. What to
    answer without a history is learned from such requests, by members of their own, or, where there are few, from the others with
    their histories taken away.
    """
    lengths, names = np.diff(lesson.requests.offsets), list(members)
    spread = _spread(np.log1p(lengths[lengths > 0]))
    sittings = np.array([lesson.within[lengths > 0].mean() if (lengths > 0).any() else 0.0, lesson.between])
    prior = _prior(_columns(range(len(names))))
    alike = Weighing(tuple(names), np.stack([prior, prior]), spread, sittings)
    if len(lengths) < LEAST:
        logger.warning("auto: fewer than %d held-back requests: all members are heard alike", LEAST)
        return alike
    choices, asked = _choices(members, lesson, alike)
    warm = lengths[asked] > 0
    known, new = choices.of_requests(warm), choices.of_requests(~warm)
    kept, after, found = list(range(len(names))), prior, alike.gains
    if len(known) < LEAST:
        logger.warning(
            "auto: fewer than %d held-back requests with a history that a member finds an answer to: there all are heard alike", LEAST
        )
    else:
        kept, after, found = _of_known(known, names, lesson.within[asked][warm] > 0, worth=worth, seed=seed, again=lesson.again)
    first = kept
    if len(new) >= LEAST:
        first = _earning(new, len(names), _halves(new, seed), worth, least=0)  # frequency alone may do
        new = new.of_features(_columns(first))
    elif found:
        new, _ = _choices({names[m]: members[names[m]] for m in kept}, lesson.of_newcomers(), alike)
    own = _columns(range(len(first)))
    before = _fit(new, own) if len(new) >= LEAST else _prior(own)
    stay = sorted({*first, *kept})
    weights = np.stack([_among(stay, first, before), _among(stay, kept, after)])
    return Weighing(tuple(names[m] for m in stay), weights, spread, sittings, found)


def _of_known(
    known: Choices, names: list[str], within: BoolArray, *, worth: float, seed: int, again: bool
) -> tuple[list[int], Weights, dict[str, float]]:
    """Who answers people with a history, the weights of these alone, and the gains of all. `within` [R]: requests within a sitting."""
    folds = _halves(known, seed)
    kept = _earning(known, len(names), folds, worth)
    columns = _columns(kept)
    alone = {name: gains(known, _only(m, len(names))) for m, name in enumerate(names)}
    together = _crossed(gains, known, columns, folds)
    found = {name: float(each.mean()) for name, each in (*alone.items(), ("blend", together))}
    best = max(names, key=lambda name: found[name])
    better = any(_is_better(together[some], alone[best][some]) for some in (slice(None), within, ~within))
    if again and not better:
        only = _only(names.index(best), len(names))
        better = _is_better(_crossed(_unseen_gains, known, columns, folds), _unseen_gains(known, only))
    if better:
        return kept, _fit(known, columns), found
    return [names.index(best)], _only(0, 1), found


def _halves(choices: Choices, seed: int) -> BoolArray:
    """[R] which requests are in the first of two halves."""
    first: BoolArray = generator(seed, "folds").permutation(len(choices)) % 2 == 0
    return first


def _among(stay: list[int], some: list[int], weights: Weights) -> Weights:
    """`weights` of `some` members as those of all that stay: the others are not heard."""
    result = np.zeros(PER_MEMBER * len(stay) + COMMON)
    result[_columns([stay.index(m) for m in some])] = weights
    return result


def _is_better(one: Weights, other: Weights) -> bool:
    """By more than chance may have it."""
    difference = one - other
    return len(difference) >= LEAST and bool(difference.mean() > difference.std() / np.sqrt(len(difference)))


def _unseen_gains(choices: Choices, weights: Weights) -> Weights:
    """Gains where what a history holds is not shown."""
    return gains(choices, weights, hidden=choices.features[:, -1] > 0)


def _choices(members: Mapping[str, Model], lesson: Lesson, weighing: Weighing) -> tuple[Choices, LongArray]:
    """The candidates of those requests that wanted one of them, with all features, and which requests these are."""
    requests, targets, n_items = lesson.requests, lesson.targets, len(lesson.frequency)
    step = max(1, BLOCK // n_items)
    parts = []
    for start in range(0, len(requests), step):
        block = np.arange(start, min(start + step, len(requests)), dtype=np.int64)
        asked, wants = requests.take(block), targets.take(block)
        rows, items, said = _candidates(members, asked, lesson.frequency, again=lesson.again)
        keys = rows * n_items + items
        wanted = np.isin(keys, rows_of(wants.offsets) * n_items + wants.values)
        hits = np.bincount(rows, weights=wanted, minlength=len(block))
        inside = hits[rows] > 0
        rows, items, wanted = rows[inside], items[inside], wanted[inside]
        longer = weighing.longer(np.diff(requests.offsets)[block])[rows]
        within = (
            (lesson.within[block] - weighing.sittings[0])[rows].astype(np.float32) if lesson.between else np.zeros(len(rows), np.float32)
        )
        seen = np.isin(keys[inside], held(asked, n_items)).astype(np.float32)
        features = _expanded(said[inside], longer, lesson.frequency[items], seen, within)
        parts.append((block[rows], features, (wanted / hits[rows]).astype(np.float32)))
    found, features, chosen = (np.concatenate(part) for part in zip(*parts, strict=True))
    asked_for, rows = np.unique(found, return_inverse=True)
    return Choices(rows, features, chosen), asked_for


def _candidates(
    members: Mapping[str, Model], requests: Queries, frequency: FloatArray, *, again: bool
) -> tuple[LongArray, LongArray, FloatArray]:
    """(rows [C], items [C], evidence [C, M]): each member's best for each request and what is most frequent, and what every member
    says of them.
    """
    said = [evidence(model, requests) for model in members.values()]
    found = np.zeros(said[0].shape, dtype=bool)
    for each in (*said, np.broadcast_to(frequency, found.shape)):
        for exclude_seen in (True, False) if again else (True,):
            shown = each.copy()
            hide(shown, requests, exclude_seen=exclude_seen)
            best, _ = top_n(shown, CANDIDATES)
            found[rows_of(best.offsets), best.values] = True
    rows, items = np.nonzero(found)
    return rows, items, np.stack([each[rows, items] for each in said], axis=1)


def held(requests: Queries, n_items: int) -> LongArray:
    """request · n_items + item of what each history holds, ascending, once each."""
    visible = requests.visible(n_items)
    keys: LongArray = np.unique(rows_of(visible.offsets) * n_items + visible.items)
    return keys


def _expanded(said: FloatArray, longer: FloatArray, frequency: FloatArray, seen: FloatArray, within: FloatArray) -> FloatArray:
    """[C, PER_MEMBER · M + COMMON] features: what each member says and its products; then what is common to all."""
    each = np.stack([said, *(said * by[:, None] for by in (longer, frequency, seen, within))], axis=2)
    flat = each.reshape(len(said), PER_MEMBER * said.shape[1])  # not −1: where no request of a block wanted a candidate, there is none
    return np.concatenate([flat, frequency[:, None], seen[:, None]], axis=1).astype(np.float32)


def _earning(choices: Choices, n_members: int, folds: BoolArray, worth: float, *, least: int = 1) -> list[int]:
    """The members that the others cannot do without, at least so many; the least useful leaves first."""

    def worth_of(kept: Sequence[int]) -> float:
        return float(_crossed(log_likelihood, choices, _columns(kept, plain=True), folds).mean())

    kept = list(range(n_members))
    now = worth_of(kept)
    while len(kept) > least:
        without = {m: worth_of([other for other in kept if other != m]) for m in kept}
        useless = max(without, key=lambda m: without[m])
        if now - without[useless] > worth:
            break
        kept.remove(useless)
        now = without[useless]
    return kept


def _columns(kept: Sequence[int], *, plain: bool = False) -> LongArray:
    """The features that speak of these members: all, or the `plain` ones without length and frequency; and the common ones."""
    own = [PER_MEMBER * m + part for m in kept for part in ((0, 3, 4) if plain else range(PER_MEMBER))]
    return np.array([*own, *range(-COMMON, 0)], dtype=np.int64)


def _prior(columns: LongArray) -> Weights:
    """[F] all members alike, whatever the request and the item."""
    plain = (columns % PER_MEMBER == 0) & (columns >= 0)
    result: Weights = plain / max(1, int(plain.sum()))
    return result


def _only(m: int, n_members: int) -> Weights:
    """[F] weights that listen to one member alone."""
    weights: Weights = np.eye(PER_MEMBER * n_members + COMMON)[PER_MEMBER * m]
    return weights


def _fit(choices: Choices, columns: LongArray) -> Weights:
    prior = _prior(columns)
    return fit(choices.of_features(columns), prior, PRIOR / len(choices) * np.where(prior > 0, 1, CAUTION))


def _crossed(measure: Callable[[Choices, Weights], Weights], choices: Choices, columns: LongArray, folds: BoolArray) -> Weights:
    """[R] the measure of each request under the weights learned from the other fold."""
    result = np.zeros(len(choices))
    for test in (folds, ~folds):
        result[test] = measure(choices.of_requests(test).of_features(columns), _fit(choices.of_requests(~test), columns))
    return result


def _spread(logs: Weights) -> Weights:
    """[4] mean, deviation (1 where there is none), least and greatest."""
    if not len(logs):
        return np.array([0.0, 1.0, 0.0, 0.0])
    return np.array([logs.mean(), logs.std() or 1.0, logs.min(), logs.max()])
