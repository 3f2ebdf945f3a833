"""Our ALS on `events` but for everybody's last: its events times iterations, the seconds of its fit, and its NDCG@10."""

import json
import sys
import time
from pathlib import Path

from penchant.data.load import load_dataset
from penchant.data.split import leave_one_out
from penchant.evaluation.evaluate import evaluate
from penchant.models import ALS
from penchant.models.base import FitOptions

events, factors, iterations = Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4])
split = leave_one_out(load_dataset(events))
known, model = split.known, ALS(factors=factors, iterations=iterations)
began = time.perf_counter()
model.fit(known, FitOptions(quiet=True))
seconds = time.perf_counter() - began
found = evaluate(model, split.test).metrics["ndcg@10"]
print(json.dumps({"done": iterations * split.known.n_events, "seconds": seconds, "fit": f"{seconds:.2f} s", "NDCG@10": round(found, 4)}))
