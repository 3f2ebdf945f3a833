"""The places of a product: what each recommends, from which models, and the one engine that answers for all of them."""

from penchant.scenarios.engine import Engine, Request
from penchant.scenarios.project import Project
from penchant.scenarios.scenario import Scenario

__all__ = ["Engine", "Project", "Request", "Scenario"]
