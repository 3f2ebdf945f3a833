import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from penchant.stores import open_store

CLIENTS = Path(__file__).with_name("ingest_until_killed.py")


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.long)])
def test_a_killed_ingest_loses_no_acknowledged_event_and_invents_none(tmp_path: Path, kills: int) -> None:
    url, seed = f"sqlite:///{tmp_path}/store.db", 20_261_121
    moments = random.Random(seed)
    open_store(url).close()
    cursor = 0
    for kill in range(kills):
        after = moments.uniform(0, 0.4)
        ingest_and_kill(url, tmp_path, f"run{kill}", after)
        cursor = compare(url, tmp_path, f"run{kill}", cursor, f"kill {kill}, {after:.3f} s after the first ack, seed {seed}")
    compare(url, tmp_path, "run*", 0, "all runs, at the end")
    connection = sqlite3.connect(tmp_path / "store.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def compare(url: str, folder: Path, run: str, after: int, where: str) -> int:
    """Check what was stored after the cursor `after` against the journals of `run`; returns the next cursor."""
    stored: Counter[str] = Counter()
    store = open_store(url)
    for cursor, part in store.events.scan(after=after):
        after = cursor
        stored.update(part.frame["event_id"].to_list())
    store.close()
    acked, sent = (Counter(journal(folder, f"{run}-*.{kind}")) for kind in ("acked", "sent"))
    assert acked, where
    assert not acked - stored, f"acknowledged and lost: {where}"
    assert not stored - sent, f"stored twice or never sent: {where}"
    return after


def ingest_and_kill(url: str, folder: Path, run: str, after: float) -> None:
    """Start the clients in a process group of their own and kill all of it `after` seconds after the first acknowledgement."""
    process = subprocess.Popen([sys.executable, str(CLIENTS), url, str(folder), run], start_new_session=True)
    try:
        while not any(path.stat().st_size for path in folder.glob(f"{run}-*.acked")):
            assert process.poll() is None, "the clients stopped by themselves"
            time.sleep(0.005)
        time.sleep(after)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def journal(folder: Path, pattern: str) -> Iterator[str]:
    """The whole lines of all journals of this pattern; a kill may cut the last one short."""
    for path in folder.glob(pattern):
        yield from path.read_text().rpartition("\n")[0].split()
