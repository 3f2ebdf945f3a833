"""Is it any good? Splits judged by full ranking, with intervals, tests, and a report that says so plainly."""

from penchant.evaluation.evaluate import Evaluation, evaluate, requests

__all__ = ["Evaluation", "evaluate", "requests"]
