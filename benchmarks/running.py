"""A real server for a benchmark: a project with generated data in a temporary folder, `penchant serve` in a process of its own."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

PENCHANT = [sys.executable, "-c", "from penchant.cli import main; main()"]


def generate(folder: Path, *, users: int, items: int, events: int, seed: int = 0) -> tuple[Path, Path]:
    """An events file and an items file: popularity falls as 1/rank, and every user prefers one of ten groups of items."""
    random = np.random.default_rng(seed)
    weights = 1 / np.arange(1, items + 1)
    user = random.integers(0, users, events)
    item = random.choice(items, events, p=weights / weights.sum())
    item = np.where(random.random(events) < 0.7, item - item % 10 + user % 10, item) % items
    times = 1_700_000_000 + np.sort(random.integers(0, 10_000_000, events))
    frame = pl.DataFrame({"user_id": user, "item_id": item, "timestamp": times})
    frame = frame.with_columns(pl.format("u{}", "user_id").alias("user_id"), pl.format("i{}", "item_id").alias("item_id"))
    frame.unique(maintain_order=True).write_csv(folder / "events.csv")
    titles = pl.DataFrame({"item_id": [f"i{n}" for n in range(items)], "title": [f"Thing {n} of group {n % 10}" for n in range(items)]})
    titles.write_csv(folder / "items.csv")
    return folder / "events.csv", folder / "items.csv"


@contextmanager
def served(*, users: int, items: int, events: int, model: str | None) -> Iterator[int]:
    """The port of a server over generated data; `model`, any class of the catalogue, takes the large model's place; None = no model."""
    with tempfile.TemporaryDirectory() as name:
        folder, shop = Path(name), Path(name) / "shop"
        files = generate(folder, users=users, items=items, events=events)
        _run("init", str(shop))
        _run("import", "--dir", str(shop), "--events", str(files[0]), "--items", str(files[1]))
        if model:
            settings = (shop / "penchant.toml").read_text()
            (shop / "penchant.toml").write_text(settings.replace('"auto"', f'"{model}"').replace("[models.auto]", f"[models.{model}]"))
            _run("train", "--dir", str(shop), model)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*PENCHANT, "serve", "--dir", str(shop), "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True
            )
            try:
                line = server.stdout.readline() if server.stdout else ""
                found = re.search(r"127\.0\.0\.1:(\d+)", line)
                if found is None:
                    raise SystemExit(f"the server did not start:\n{(folder / 'log').read_text()}")
                yield int(found[1])
            finally:
                server.send_signal(signal.SIGTERM)
                server.communicate(timeout=60)


def _run(*arguments: str) -> None:
    done = subprocess.run([*PENCHANT, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"penchant {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


class Connection:
    """One kept-alive connection; far cheaper than a general client, so that the server is what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """A connection to the server of this machine at `port`."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Status and body of the answer."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        self.writer.write(head.encode() + content)
        header = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", header)
        if length is None:
            raise ValueError(f"no content-length in {header!r}")
        return int(header[9:12]), await self.reader.readexactly(int(length[1]))

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()
