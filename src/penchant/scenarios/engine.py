"""The one place that turns a question into an answer, for the command line and for HTTP alike.

An engine is thread-safe: every question works on one snapshot of models and pipelines, which `reload` swaps whole. Histories
are read from the store at request time, so an acknowledged event changes the next answer.
"""

from collections.abc import Mapping

from penchant.core.clock import Clock, system_clock
from penchant.scenarios.answer import Explanation, Reason, Recommendation, RecommendedItem, Request
from penchant.scenarios.project import Project
from penchant.scenarios.scenario import Scenario

__all__ = ["Engine", "Explanation", "Reason", "Recommendation", "RecommendedItem", "Request"]


class Engine:
    """Answers questions about one project with its published models."""

    def __init__(self, project: Project, *, clock: Clock = system_clock) -> None:
        """Loads what is published. A model that cannot be loaded is left out and logged; `ready` says so."""
        self._project, self._clock = project, clock

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The project's scenarios by name, in the order of its file."""
        return self._project.config.scenarios

    def recommend(self, request: Request) -> Recommendation:
        """The answer. Raises RequestError naming the field that is wrong: an unknown scenario or seed item is a 404."""
        raise NotImplementedError

    def explain(self, recommendation_id: str, item_id: str) -> Explanation:
        """Why the item is, or is not, in one of the recent answers. Raises RequestError 404 when the answer is forgotten."""
        raise NotImplementedError

    def reload(self) -> list[str]:
        """Load what is published now and swap it in; returns the versions that are live after it.

        A version that cannot be loaded leaves the one before in its place; it is logged and named by `ready`.
        """
        raise NotImplementedError

    def refresh(self) -> None:
        """Pick up new and changed items, new events for what is counted, and newly published models. Cheap when there is nothing new."""
        raise NotImplementedError

    def changed(self, item_ids: list[str]) -> None:
        """Tell that these items were just written or deleted, so that the next answer knows, without a scan."""
        raise NotImplementedError

    def ready(self) -> tuple[bool, str]:
        """Whether answers can be given, and in words what they come from or what is wrong."""
        raise NotImplementedError

    def close(self) -> None:
        """Forget everything; the project stays open."""
        raise NotImplementedError
