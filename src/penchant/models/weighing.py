"""What each member of a blend is worth: learned from requests whose outcome is known and that no member was trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from penchant.core.random import generator
from penchant.core.types import BoolArray, FloatArray, Jagged, LongArray, Queries, rows_of
from penchant.index.exact import top_n
from penchant.index.hide import hide
from penchant.models.base import Model
from penchant.models.choice import Choices, Weights, fit, gains, log_likelihood

BLOCK = 2**22  # scores held at once of one member
CANDIDATES = 50  # of each member, among which the weights learn to tell what was chosen
PRIOR = 2.0  # requests that the prior, all members alike, is worth
CAUTION = 10.0  # times as much for what makes a weight depend on the request or the item
LEAST = 50  # requests; from fewer nothing is learned

PER_MEMBER = 3  # weights: of what it says, of that times the length of the history, of that times the frequency of the item


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
    weights: Weights  # [2, 3 M + 1]: requests without history, with; three a member, then that of the item's frequency
    lengths: Weights  # [4] of log(1 + length of the history) in what was learned from: mean, deviation, least, greatest
    gains: dict[str, float] = field(default_factory=dict)  # mean NDCG@10 among the candidates: of each member, cross-validated of the blend

    def longer(self, lengths: LongArray) -> FloatArray:
        """[B] how much longer than usual the histories are, as far as was learned about."""
        mean, deviation, low, high = self.lengths
        result: FloatArray = ((np.clip(np.log1p(lengths), low, high) - mean) / deviation).astype(np.float32)
        return result


def weigh(members: Mapping[str, Model], frequency: FloatArray, judged: tuple[Queries, Jagged], *, worth: float, seed: int) -> Weighing:
    """The weights of `members`, those that do not earn their cost left out; the best alone where the blend is not better.

    `frequency` [n_items] is the standardised frequency of the items, `judged` requests and what each wanted. A member stays while
    the cross-validated log-likelihood falls by `worth` nats a request without it.
    """
    requests, targets = judged
    lengths = np.diff(requests.offsets)
    spread = _spread(np.log1p(lengths[lengths > 0]))
    alike = Weighing(tuple(members), np.stack([_prior(_columns(range(len(members))))] * 2), spread)
    if int((lengths > 0).sum()) < LEAST:
        return alike
    choices, asked = _choices(members, frequency, requests, targets, alike)
    warm = lengths[asked] > 0
    if int(warm.sum()) < LEAST:
        return alike
    lesson = choices.of_requests(warm)
    folds = generator(seed, "folds").permutation(len(lesson)) % 2 == 0
    kept = _earning(lesson, len(members), folds, worth)
    columns = _columns(kept)
    found = {name: float(gains(lesson, _only(m, len(members))).mean()) for m, name in enumerate(members)}
    found["blend"] = float(_crossed(gains, lesson, columns, folds).mean())
    best = max(found, key=lambda name: found[name])
    names = [name for m, name in enumerate(members) if m in kept]
    if best != "blend":
        names, weights = [best], np.array([[1.0, 0, 0, 0]] * 2)
        return Weighing((best,), weights, spread, found)
    after = _fit(lesson, columns)
    before = _fit(choices.of_requests(~warm), columns) if int((~warm).sum()) >= LEAST else _prior(columns)
    return Weighing(tuple(names), np.stack([before, after]), spread, found)


def _choices(
    members: Mapping[str, Model], frequency: FloatArray, requests: Queries, targets: Jagged, weighing: Weighing
) -> tuple[Choices, LongArray]:
    """The candidates of those requests that wanted one of them, with all features, and which requests these are."""
    step = max(1, BLOCK // len(frequency))
    parts = []
    for start in range(0, len(requests), step):
        block = np.arange(start, min(start + step, len(requests)), dtype=np.int64)
        rows, items, said = _candidates(members, requests.take(block))
        wanted = np.isin(rows * len(frequency) + items, rows_of(targets.take(block).offsets) * len(frequency) + targets.take(block).values)
        hits = np.bincount(rows, weights=wanted, minlength=len(block))
        inside = hits[rows] > 0
        rows, wanted = rows[inside], wanted[inside]
        longer = weighing.longer(np.diff(requests.offsets)[block])[rows]
        features = _expanded(said[inside], longer, frequency[items[inside]])
        parts.append((block[rows], features, (wanted / hits[rows]).astype(np.float32)))
    found, features, chosen = (np.concatenate(part) for part in zip(*parts, strict=True))
    asked, rows = np.unique(found, return_inverse=True)
    return Choices(rows, features, chosen), asked


def _candidates(members: Mapping[str, Model], requests: Queries) -> tuple[LongArray, LongArray, FloatArray]:
    """(rows [C], items [C], evidence [C, M]): each member's best for each request, and what every member says of them."""
    said = [evidence(model, requests) for model in members.values()]
    found = np.zeros(said[0].shape, dtype=bool)
    for each in said:
        shown = each.copy()
        hide(shown, requests, exclude_seen=True)
        best, _ = top_n(shown, CANDIDATES)
        found[rows_of(best.offsets), best.values] = True
    rows, items = np.nonzero(found)
    return rows, items, np.stack([each[rows, items] for each in said], axis=1)


def _expanded(said: FloatArray, longer: FloatArray, frequency: FloatArray) -> FloatArray:
    """[C, 3 M + 1] features: evidence, times length, times frequency, member by member; then the frequency."""
    each = np.stack([said, said * longer[:, None], said * frequency[:, None]], axis=2)
    return np.concatenate([each.reshape(len(said), -1), frequency[:, None]], axis=1).astype(np.float32)


def _earning(lesson: Choices, n_members: int, folds: BoolArray, worth: float) -> list[int]:
    """The members that the others cannot do without; the least useful leaves first."""

    def worth_of(kept: Sequence[int]) -> float:
        return float(_crossed(log_likelihood, lesson, _columns(kept, plain=True), folds).mean())

    kept = list(range(n_members))
    now = worth_of(kept)
    while len(kept) > 1:
        without = {m: worth_of([other for other in kept if other != m]) for m in kept}
        least = max(without, key=lambda m: without[m])
        if now - without[least] > worth:
            break
        kept.remove(least)
        now = without[least]
    return kept


def _columns(kept: Sequence[int], *, plain: bool = False) -> LongArray:
    """The features that speak of these members: all, or the `plain` ones that depend on nothing else; and the frequency."""
    own = [PER_MEMBER * m + part for m in kept for part in range(1 if plain else PER_MEMBER)]
    return np.array([*own, -1], dtype=np.int64)


def _prior(columns: LongArray) -> Weights:
    """[F] all members alike, whatever the request and the item."""
    plain = (columns % PER_MEMBER == 0) & (columns >= 0)
    result: Weights = plain / max(1, int(plain.sum()))
    return result


def _only(m: int, n_members: int) -> Weights:
    """[F] weights that listen to one member alone."""
    weights: Weights = np.eye(PER_MEMBER * n_members + 1)[PER_MEMBER * m]
    return weights


def _fit(lesson: Choices, columns: LongArray) -> Weights:
    prior = _prior(columns)
    return fit(lesson.of_features(columns), prior, PRIOR / len(lesson) * np.where(prior > 0, 1, CAUTION))


def _crossed(measure: Callable[[Choices, Weights], Weights], lesson: Choices, columns: LongArray, folds: BoolArray) -> Weights:
    """[R] the measure of each request under the weights learned from the other fold."""
    result = np.zeros(len(lesson))
    for test in (folds, ~folds):
        result[test] = measure(lesson.of_requests(test).of_features(columns), _fit(lesson.of_requests(~test), columns))
    return result


def _spread(logs: Weights) -> Weights:
    """[4] mean, deviation (1 where there is none), least and greatest."""
    if not len(logs):
        return np.array([0.0, 1.0, 0.0, 0.0])
    return np.array([logs.mean(), logs.std() or 1.0, logs.min(), logs.max()])
