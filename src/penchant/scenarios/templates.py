"""Ready sets of places: what `penchant init --template` starts from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from penchant.scenarios.kinds import BEST, KINDS, NEIGHBOURS, POPULAR, TRENDING, WORDS

DEFAULT = "default"

# A table is the settings of one model or scenario, of any type, hence `Any`.
Tables = dict[str, dict[str, Any]]

_SEARCH: Tables = {"search": {"kind": "search"}, "rank": {"kind": "rank"}}

_PLACES: Mapping[str, Tables] = MappingProxyType(
    {
        DEFAULT: {
            "home": {"kind": "for-you"},
            "similar": {"kind": "similar"},
            "continue": {"kind": "continue"},
            "trending": {"kind": "trending"},
            **_SEARCH,
        },
        "shop": {
            "home": {"kind": "for-you", "title": "Picked for you", "title_zh": "为你精选"},
            "product": {"kind": "similar", "title": "Similar products", "title_zh": "相似商品"},
            "cart": {"kind": "similar", "title": "Goes with your cart", "title_zh": "搭配购买", "fallback": (POPULAR,)},
            "trending": {"kind": "trending", "title": "Bestsellers", "title_zh": "热销商品"},
            **_SEARCH,
        },
        "social": {
            "feed": {"kind": "for-you", "title": "Your feed", "title_zh": "推荐动态"},
            "similar": {"kind": "similar", "title": "More like this", "title_zh": "更多类似内容"},
            "trending": {"kind": "trending", "title": "Trending now", "title_zh": "正在热议"},
            **_SEARCH,
        },
        "media": {
            "home": {"kind": "for-you", "title": "For you", "title_zh": "为你推荐"},
            "similar": {"kind": "similar", "title": "More like this", "title_zh": "同类推荐"},
            "playlist": {"kind": "continue", "title": "Play next", "title_zh": "接着播放"},
            "trending": {"kind": "trending", "title": "Charts", "title_zh": "热门榜单"},
            **_SEARCH,
        },
        "news": {
            "articles": {"kind": "for-you", "title": "Your news", "title_zh": "为你推荐", "fallback": (TRENDING,)},
            "related": {"kind": "similar", "title": "Related stories", "title_zh": "相关报道", "fallback": (WORDS, TRENDING)},
            "trending": {"kind": "trending", "title": "Most read", "title_zh": "热点新闻"},
            **_SEARCH,
        },
    }
)

_HALF_LIFE_DAYS = MappingProxyType({"news": 1.0, "social": 1.0})  # of what is trending; elsewhere a week

TEMPLATES = tuple(_PLACES)


def models_of(template: str) -> Tables:
    """The `[models.NAME]` tables of a template: what is trained, beside each model's own defaults."""
    return {
        BEST: {"model": "auto"},
        NEIGHBOURS: {"model": "item-knn"},
        POPULAR: {"model": "popular"},
        TRENDING: {"model": "popular", "half_life_days": _HALF_LIFE_DAYS.get(template, 7.0)},
    }


def scenarios_of(template: str) -> Tables:
    """The `[scenarios.NAME]` tables of a template, completed by the defaults of their kinds."""
    return {name: {**KINDS[place["kind"]].defaults, **place} for name, place in _PLACES[template].items()}
