"""Clients that append and keep journals until somebody kills this process: argv = URL, folder of journals, name of the run.

Before a batch is sent, its ids go to `<run>-<client>.sent`; after its acknowledgement, to `<run>-<client>.acked`, with an fsync.
"""

import os
import random
import sys
import threading
from pathlib import Path

from penchant.core.events import EventBatch
from penchant.stores import Store, open_store
from penchant.stores.sqlite import database

database.CHECKPOINT_BYTES = 100_000  # so that some kills hit a checkpoint


def client(store: Store, folder: Path, name: str) -> None:
    choose = random.Random(name)
    sent, acked = (os.open(folder / f"{name}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for kind in ("sent", "acked"))
    number = 0
    while True:
        ids = [f"{name}-{number + n}" for n in range(choose.choice((1, 1, 1, 2, 7, 40, 1_500)))]
        number += len(ids)
        lines = "".join(f"{id_}\n" for id_ in ids).encode()
        os.write(sent, lines)
        ack = store.events.append(
            EventBatch.of([{"event_id": id_, "user_id": name, "item_id": id_[-2:], "timestamp": number} for id_ in ids])
        )
        if ack.stored != len(ids):
            raise SystemExit(f"{ack} for {len(ids)} new events")
        os.write(acked, lines)
        os.fsync(acked)


if __name__ == "__main__":
    url, journals, run = sys.argv[1:]
    opened = open_store(url)
    for k in range(4):
        threading.Thread(target=client, args=(opened, Path(journals), f"{run}-{k}")).start()
