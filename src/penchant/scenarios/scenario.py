"""One place of the product, as data: a table `[scenarios.NAME]` of `penchant.toml`."""

from typing import Annotated, Self

from pydantic import Field

from penchant.core.config import Config, parse
from penchant.scenarios.kinds import KINDS

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
MAX_N = 1_000


class Scenario(Config):
    """What a place recommends and from what. What is not set comes from the kind."""

    kind: str = Field(description="for-you, similar, continue, trending, search or rank")
    title: str = Field("", description="what people read above the list")
    title_zh: str = Field("", description="the same in Chinese")
    n: int = Field(10, ge=1, le=MAX_N, description="items in an answer that does not ask for a number")
    retrievers: tuple[str, ...] = Field((), min_length=1, description='models that find candidates; also "words" and "given"')
    ranker: str = Field("", description='the model that orders the candidates; "" keeps the order in which they were found')
    diversity: float = Field(0.0, ge=0, le=1, description="from 0, the best first whatever it is, to 1, each item of another category")
    fallback: tuple[str, ...] = Field((), description='models that fill up a list that is too short, in turn; also "words"')
    exclude_seen: bool = Field(False, description="whether what the user has met before is left out")
    candidates: int = Field(100, ge=1, le=100_000, description="how many are found before they are ordered; no fewer than the answer needs")
    time_budget_ms: int = Field(200, ge=1, description="when it is spent, ordering and variety are left out")

    @classmethod
    def of(cls, kind: str, **settings: object) -> Self:
        """A scenario of this kind, what `settings` leave open from the kind. Raises ConfigError."""
        return parse(cls, with_defaults({"kind": kind, **settings}), "scenario")


def with_defaults(settings: dict[str, object]) -> dict[str, object]:
    """`settings` completed by the defaults of their kind; as they are where the kind is none."""
    kind = settings.get("kind")
    return {**KINDS[kind].defaults, **settings} if isinstance(kind, str) and kind in KINDS else settings
