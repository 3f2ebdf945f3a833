"""Some batches of RecBole's SASRec on `events.csv` at a length: their targets and the seconds of their steps."""

import json
import sys
import time

from recbole_setting import prepared

BATCHES = 6

model, trainer, train, _, _ = prepared(sys.argv[1], int(sys.argv[2]))
model.train()
done, began = 0, 0.0
for number, batch in enumerate(train):
    if number == 1:
        began = time.perf_counter()  # the first is warm-up
    if number > BATCHES:
        break
    trainer.optimizer.zero_grad()
    model.calculate_loss(batch).backward()
    trainer.optimizer.step()
    done += len(batch) if number else 0
print(json.dumps({"done": done, "seconds": time.perf_counter() - began}))
