"""The kinds of places there are, and what each is made of where `penchant.toml` does not say otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

# Names that stand beside models among a scenario's retrievers and fallbacks.
WORDS = "words"  # items whose words match: those of the search, or those of the seeds
GIVEN = "given"  # the list that the caller sent

ABOUT = ("item_id", "text", "items")  # fields that say what a request is about; the rest is who asks, and how

BEST, NEIGHBOURS, POPULAR, TRENDING = "auto", "item-knn", "popular", "trending"


@dataclass(frozen=True)
class Kind:
    """What a kind answers, what it needs to be asked, and its defaults for the settings of a `Scenario`."""

    what: str
    needs: str | None  # of `ABOUT`, the field of a request that must be given; the others would have no effect
    defaults: Mapping[str, Any]  # settings, of any type


def _kind(what: str, needs: str | None = None, **defaults: object) -> Kind:
    return Kind(what, needs, MappingProxyType(defaults))


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "for-you": _kind(
            "what this user may like next",
            title="For you",
            title_zh="为你推荐",
            retrievers=(BEST,),
            fallback=(POPULAR,),
            exclude_seen=True,
        ),
        "similar": _kind(
            "what goes with the given items",
            "item_id",
            title="Similar",
            title_zh="相似推荐",
            retrievers=(NEIGHBOURS,),
            fallback=(WORDS, POPULAR),
        ),
        "continue": _kind(
            "what comes next in this session or playlist; what was met before may come again",
            title="Continue",
            title_zh="接着看",
            retrievers=(BEST,),
            fallback=(POPULAR,),
        ),
        "trending": _kind(
            "what many people choose lately",
            title="Trending",
            title_zh="热门趋势",
            retrievers=(TRENDING,),
            fallback=(POPULAR,),
        ),
        "search": _kind(
            "what the words say, moved a little by taste",
            "text",
            title="Search",
            title_zh="搜索",
            retrievers=(WORDS,),
            ranker=BEST,
            fallback=(),
        ),
        "rank": _kind(
            "the given list in this user's order",
            "items",
            title="Rank",
            title_zh="排序",
            retrievers=(GIVEN,),
            ranker=BEST,
            fallback=(),
        ),
    }
)
