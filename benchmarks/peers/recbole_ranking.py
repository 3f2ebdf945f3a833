"""RecBole's SASRec, untrained, ranks everything for everybody in `events.csv`: users and seconds."""

import json
import sys
import time

from recbole_setting import prepared

model, trainer, _, test, users = prepared(sys.argv[1], int(sys.argv[2]))
for _ in range(2):  # the first is warm-up
    began = time.perf_counter()
    trainer.evaluate(test, load_best_model=False, show_progress=False)
    seconds = time.perf_counter() - began
print(json.dumps({"done": users, "seconds": seconds}))
