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

from penchant.stores import open_store

KILLS = 10
CLIENTS = Path(__file__).with_name("ingest_until_killed.py")


def test_a_killed_ingest_loses_no_acknowledged_event_and_invents_none(tmp_path: Path) -> None:
    url, seed = f"sqlite:///{tmp_path}/store.db", 20_261_121
    moments = random.Random(seed)
    open_store(url).close()
    for kill in range(KILLS):
        after = moments.uniform(0, 0.4)
        ingest_and_kill(url, tmp_path, f"run{kill}", after)
        store = open_store(url)
        stored = Counter(id_ for _, part in store.events.scan() for id_ in part.frame["event_id"].to_list())
        store.close()
        acked, sent = (Counter(journal(tmp_path, kind)) for kind in ("acked", "sent"))
        where = f"kill {kill}, {after:.3f} s after the first acknowledgement, seed {seed}"
        assert not acked - stored, f"acknowledged and lost: {where}"
        assert not stored - sent, f"stored twice or never sent: {where}"
    assert sum(acked.values()) > KILLS
    connection = sqlite3.connect(tmp_path / "store.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def ingest_and_kill(url: str, folder: Path, run: str, after: float) -> None:
    """Start the clients in a process group of their own and kill all of it `after` seconds after the first acknowledgement."""
    process = subprocess.Popen([sys.executable, str(CLIENTS), url, str(folder), run], start_new_session=True)
    while not any(path.stat().st_size for path in folder.glob(f"{run}-*.acked")):
        assert process.poll() is None, "the clients stopped by themselves"
        time.sleep(0.005)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def journal(folder: Path, kind: str) -> Iterator[str]:
    """The whole lines of all journals of one kind; a kill may cut the last one short."""
    for path in folder.glob(f"*.{kind}"):
        yield from path.read_text().rpartition("\n")[0].split()
