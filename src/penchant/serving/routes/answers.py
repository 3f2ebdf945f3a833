"""Recommendations: `/v1/recommend/{scenario}` and its shorter forms for one kind each, and why an item is in an answer.

What to recommend is decided by `scenarios.engine`; here a question is read, asked in a thread, and counted.
"""

from starlette.requests import Request
from starlette.responses import Response

from penchant.scenarios import engine
from penchant.serving.answers import Answer, WhyAnswer
from penchant.serving.openapi import Endpoint, Handler
from penchant.serving.schemas import Ask, Rank, Search, Similar
from penchant.serving.state import asked, state_of
from penchant.serving.wire import answer, path_text


async def recommend(request: Request) -> Response:
    """The answer of one scenario."""
    ask = await asked(request, Ask)
    question = engine.Request(
        path_text(request, "scenario"),
        user_id=ask.user_id,
        n=ask.n,
        seed_items=tuple(ask.item_id),
        text=ask.text,
        items=tuple(ask.items),
        session_items=tuple(ask.session_items),
        explain=ask.explain,
    )
    return await _answered(request, question)


async def similar(request: Request) -> Response:
    """Items like the given ones."""
    ask = await asked(request, Similar)
    return await _answered(
        request, engine.Request("similar", user_id=ask.user_id, n=ask.n, seed_items=tuple(ask.item_id), explain=ask.explain)
    )


async def search(request: Request) -> Response:
    """Items whose words match."""
    ask = await asked(request, Search)
    return await _answered(request, engine.Request("search", user_id=ask.user_id, n=ask.n, text=ask.q, explain=ask.explain))


async def rank(request: Request) -> Response:
    """The given items in the order of a user's preference; as many as were given unless `n` says less."""
    ask = await asked(request, Rank)
    question = engine.Request(
        "rank",
        user_id=ask.user_id,
        n=ask.n or len(ask.items),
        items=tuple(ask.items),
        session_items=tuple(ask.session_items),
        explain=ask.explain,
    )
    return await _answered(request, question)


async def explain(request: Request) -> Response:
    """Why an item is, or is not, in a recent answer."""
    state = state_of(request)
    which = path_text(request, "recommendation_id"), path_text(request, "item_id")
    return answer((await state.readers.run(state.engine.explain, *which)).as_json())


async def _answered(request: Request, question: engine.Request) -> Response:
    state = state_of(request)
    found = await state.readers.run(state.engine.recommend, question)
    state.metrics.answers.labels(found.scenario, "fallback" if found.fallback_reason else "model").inc()
    return answer(found.as_json())


def _both(path: str, handler: Handler, summary: str, ask: type[Ask | Search | Similar | Rank]) -> tuple[Endpoint, ...]:
    get = Endpoint("GET", path, handler, summary, "recommend", query=ask, answer=Answer)
    post = Endpoint("POST", path, handler, summary, "recommend", body=ask, body_required=False, answer=Answer)
    return get, post


ENDPOINTS = (
    *_both("/v1/recommend/{scenario}", recommend, "Recommend for one scenario", Ask),
    *_both("/v1/similar", similar, "Items like others", Similar),
    *_both("/v1/search", search, "Search for items", Search),
    Endpoint("POST", "/v1/rank", rank, "Put items in order", "recommend", body=Rank, answer=Answer),
    Endpoint("GET", "/v1/explain/{recommendation_id}/{item_id}", explain, "Why this item", "recommend", answer=WhyAnswer),
)
