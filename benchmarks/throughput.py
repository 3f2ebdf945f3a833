"""Requests a second of a real server, for one route at a time, with what each answer took.

python benchmarks/throughput.py [--seconds 5] [--connections 8] [--model ease]
"""

import argparse
import asyncio
import time
from collections.abc import Callable

import numpy as np

from running import Connection, served

Ask = Callable[[int], tuple[str, str, object]]

ROUTES: dict[str, Ask] = {
    "GET /healthz": lambda _: ("GET", "/healthz", None),
    "GET /v1/recommend/home": lambda n: ("GET", f"/v1/recommend/home?user_id=u{n % 2000}&n=20", None),
    "POST /v1/events, 1 event": lambda n: ("POST", "/v1/events", {"user_id": f"u{n % 2000}", "item_id": f"i{n % 500}"}),
    "POST /v1/events, 1,000 events": lambda n: (
        "POST",
        "/v1/events",
        [{"user_id": f"u{k}", "item_id": f"i{n % 500}"} for k in range(1000)],
    ),
}


async def load(port: int, ask: Ask, *, connections: int, seconds: float) -> tuple[list[float], dict[int, int]]:
    """Seconds of each answer, and how many answers had each status."""
    took: list[float] = []
    statuses: dict[int, int] = {}
    end = time.perf_counter() + seconds

    async def one(first: int) -> None:
        connection = await Connection.open(port)
        number = first
        while (started := time.perf_counter()) < end:
            status, _ = await connection.ask(*ask(number))
            took.append(time.perf_counter() - started)
            statuses[status] = statuses.get(status, 0) + 1
            number += connections
        await connection.close()

    await asyncio.gather(*(one(n) for n in range(connections)))
    return took, statuses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--model", default="ease", help="'none' measures the fallback")
    options = parser.parse_args()
    model = None if options.model == "none" else options.model
    with served(users=2_000, items=options.items, events=options.events, model=model) as port:
        for name, ask in ROUTES.items():
            took, statuses = asyncio.run(load(port, ask, connections=options.connections, seconds=options.seconds))
            p50, p99 = (1000 * float(np.percentile(took, q)) for q in (50, 99))
            print(f"{name:32} {len(took) / options.seconds:8,.0f} requests/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   {statuses}")


if __name__ == "__main__":
    main()
