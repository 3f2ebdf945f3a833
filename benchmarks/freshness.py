"""How long after an acknowledged event the first answer appears that knows it: on a real server, over real connections.

Each trial asks for a user's recommendations, sends an event with the first of them, and from the acknowledgement on asks again
until the answer has changed. The delay includes the one request that brings the changed answer. Other users' events and
questions run at the same time on `--others` connections, so that commits and answers are contended.

    python benchmarks/freshness.py [--trials 300] [--model ease]
"""

import argparse
import asyncio
import json
import time

import numpy as np

from running import Connection, served

GIVE_UP_SECONDS = 10.0


async def measure(port: int, *, trials: int, others: int, users: int) -> list[float]:
    """Seconds from acknowledgement to changed answer, one a trial."""
    stop = asyncio.Event()
    noise = [asyncio.create_task(disturb(port, n, stop, users=users)) for n in range(others)]
    connection = await Connection.open(port)
    delays = [await trial(connection, f"u{n % users}") for n in range(trials)]
    stop.set()
    await asyncio.gather(*noise)
    await connection.close()
    return delays


async def trial(connection: Connection, user: str) -> float:
    path = f"/v1/recommend/home?user_id={user}&n=20"
    before = await items_of(connection, path)
    status, body = await connection.ask("POST", "/v1/events", {"user_id": user, "item_id": before[0]})
    acknowledged = time.perf_counter()
    if status != 200:
        raise SystemExit(f"event refused: {body.decode()}")
    while await items_of(connection, path) == before:
        if time.perf_counter() - acknowledged > GIVE_UP_SECONDS:
            raise SystemExit(f"the answer did not change within {GIVE_UP_SECONDS} s of the acknowledgement")
    return time.perf_counter() - acknowledged


async def items_of(connection: Connection, path: str) -> list[str]:
    status, body = await connection.ask("GET", path)
    if status != 200:
        raise SystemExit(f"{path}: {body.decode()}")
    return [item["item_id"] for item in json.loads(body)["items"]]


async def disturb(port: int, seed: int, stop: asyncio.Event, *, users: int) -> None:
    """Somebody else, who does something every 20 ms."""
    random = np.random.default_rng(seed)
    connection = await Connection.open(port)
    while not stop.is_set():
        user = f"u{random.integers(users)}"
        await connection.ask("POST", "/v1/events", {"user_id": user, "item_id": f"i{random.integers(100)}"})
        await connection.ask("GET", f"/v1/recommend/home?user_id={user}&n=20")
        await asyncio.sleep(0.02)
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--others", type=int, default=2, help="connections of other users at the same time")
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--model", default="ease", help="'none' measures the fallback")
    options = parser.parse_args()
    model = None if options.model == "none" else options.model
    with served(users=options.users, items=options.items, events=options.events, model=model) as port:
        delays = asyncio.run(measure(port, trials=options.trials, others=options.others, users=options.users))
    p50, p99 = (1000 * float(np.percentile(delays, q)) for q in (50, 99))
    print(f"{len(delays)} events, {options.items:,} items, model {options.model}, {options.others} other connections")
    print(f"p50 {p50:.1f} ms")
    print(f"p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
