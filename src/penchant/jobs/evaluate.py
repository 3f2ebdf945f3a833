"""`penchant evaluate`: split a data set, train models on one part, judge them on the other, and say who won."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from penchant.core.config import parse
from penchant.core.errors import ConfigError, DataError, MissingExtraError, PenchantError
from penchant.core.log import logger, progress_bar
from penchant.data import Dataset
from penchant.data.split import Split
from penchant.evaluation.evaluate import Evaluation, evaluate
from penchant.evaluation.protocol import Protocol
from penchant.evaluation.report import report_of, result_of
from penchant.models import kind_of, untrained
from penchant.models.auto import Auto
from penchant.models.base import FitOptions, Model

DEFAULT_MODELS = ("auto", "popular", "last-item", "item-knn", "user-knn", "ease", "als")

# What a large model must beat to be worth its cost: judged beside it even where nobody asked.
BASELINES = ("popular", "last-item", "item-knn", "ease")

Settings = Mapping[str, Mapping[str, Any]]  # name → settings, with `model` where that is not the class; which checks them, hence `Any`


def evaluate_models(
    dataset: Dataset,
    models: Sequence[str] = DEFAULT_MODELS,
    protocol: Protocol | None = None,
    *,
    settings: Settings | None = None,
    split: Split | None = None,
    options: FitOptions | None = None,
) -> dict[str, Any]:
    """The report on `models`, names of the catalogue or of `settings`: {"dataset", "protocol", "results", "verdict"}; JSON, hence `Any`.

    Where a large model (one trained epoch by epoch) is judged, the simple baselines are too; where a blend is, its large members.
    A model that cannot run on this data is left out and named with its reason in `protocol.skipped`; the others go on. `split`
    replaces the protocol's own. Raises ConfigError for wrong names and settings before anything runs, DataError where the data cannot
    be split or no model could run.
    """
    check(models, settings or {})
    protocol = protocol or Protocol()
    split = split or protocol.split(dataset)
    contest = _Contest(split, protocol, settings or {}, options or FitOptions())
    contest.run(models)
    if not contest.results:
        reasons = "\n".join(f"  {each['model']}: {each['reason']}" for each in contest.skipped)
        raise DataError(f"evaluate: none of the models could run on {dataset.name!r}:\n{reasons or '  no model was named'}")
    report = report_of(dataset, protocol, split, contest.results, contest.evaluations)
    report["protocol"]["skipped"] = contest.skipped
    return report


def check(models: Sequence[str], settings: Settings) -> None:
    """Raises ConfigError listing every name that is no model, and every setting that its model does not take."""
    problems: dict[str, None] = {}
    for name in (*models, *settings):
        try:
            kind, given = kind_of(name, settings.get(name, {}))
            parse(kind.Config, given, f"models.{name}")
        except ConfigError as error:
            problems |= dict.fromkeys(error.problems)
        except MissingExtraError:
            continue  # the model will be skipped, and this the reason
    if problems:
        raise ConfigError(list(problems))


class _Contest:
    """Models judged one after the other on the same split."""

    def __init__(self, split: Split, protocol: Protocol, settings: Settings, options: FitOptions) -> None:
        self._split, self._protocol, self._settings, self._options = split, protocol, settings, options
        self.results: list[dict[str, Any]] = []  # JSON, hence `Any`
        self.evaluations: dict[str, Evaluation] = {}
        self.skipped: list[dict[str, str]] = []
        self._trained: list[Model] = []  # as members of a blend
        self._members: list[str] = []  # the large ones of them, which are judged alone, too

    def run(self, models: Sequence[str]) -> None:
        """Judge `models` and, where a large one is among them, the baselines that are not."""
        with progress_bar(quiet=self._options.quiet) as bar:
            names = list(dict.fromkeys(models))
            task = bar.add_task("models", total=len(names), unit="models", note="")
            for name in names:  # grows below
                bar.update(task, note=name, total=len(names))
                self._judge(name)
                names += [member for member in self._members if member not in names]
                if any(result["kind"] == "large" for result in self.results):
                    names += [baseline for baseline in BASELINES if baseline not in names]
                bar.advance(task)

    def _judge(self, name: str) -> None:
        """Train and evaluate one model, or note the reason why it cannot run."""
        protocol = self._protocol
        try:
            model = self._fitted(name)
            evaluation = evaluate(
                model,
                self._split.test,
                at=protocol.at,
                train=self._split.known if protocol.refit else self._split.train,
                exclude_seen=protocol.exclude_seen,
                time_known=protocol.time_known,
            )
        except (PenchantError, MemoryError) as error:
            reason = str(error).removeprefix(f"{name}: ") or "not enough memory"
            logger.warning("%s: skipped: %s", name, reason)
            self.skipped.append({"model": name, "reason": reason})
            return
        facts: dict[str, Any] = {
            "kind": _kind(model),
            "config": model.config.model_dump(mode="json"),
            "fit_seconds": model.facts["fit_seconds"],
            "users_per_second": round(len(evaluation) / evaluation.seconds, 1) if evaluation.seconds else None,
        }
        self.results.append(result_of(name, evaluation, seed=protocol.seed, **facts, **_told(model)))
        self.evaluations[name] = evaluation

    def _fitted(self, name: str) -> Model:
        """The trained model; one that was trained as a member of a blend is not trained again."""
        options = replace(self._options, validation=None, checkpoint=None)
        tuning = replace(options, validation=self._split.validation)
        model, refit = self._fresh(name), self._protocol.refit
        ready = [member for member in self._trained if (member.name, member.config) == (model.name, model.config)]
        model = ready[0] if ready else model.fit(self._split.train, tuning)
        if isinstance(model, Auto):
            self._trained += model.trained.values()
            large = {member: each for member, each in model.trained.items() if member == each.name and "curve" in each.facts}
            self._members += large
            self._settings = {member: each.config.model_dump() for member, each in large.items()} | dict(self._settings)
        if not refit:
            return model
        curve = model.facts.get("curve", [])
        again = {}
        if curve and "epochs" in type(model).Config.model_fields:
            again["epochs"] = int(max(curve, key=lambda point: point.get("ndcg@10", -point["loss"]))["epoch"])
        final = self._fresh(name, **again).fit(self._split.known, options)
        final.facts |= {"curve": curve} if curve else {}
        return final

    def _fresh(self, name: str, **chosen: Any) -> Model:
        """An untrained model, with the protocol's seed where it takes one. `Any`: settings."""
        return untrained(name, self._settings.get(name, {}), seed=self._protocol.seed, **chosen)


def _kind(model: Model) -> str:
    """ "blend", "large" or "simple"; a student that had nothing to learn has no curve, and is what its teacher is."""
    if isinstance(model, Auto):
        return "blend"
    return "simple" if model.facts.keys().isdisjoint(("curve", "teacher")) else "large"


def _told(model: Model) -> dict[str, Any]:
    """What a report repeats of a training. `Any`: JSON."""
    return {name: model.facts[name] for name in ("curve", "members", "gains") if name in model.facts}
