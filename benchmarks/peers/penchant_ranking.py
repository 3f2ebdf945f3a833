"""Our SASRec, trained on a few people, ranks everything for everybody in `events.csv`: users and seconds."""

import json
import sys
from pathlib import Path

import numpy as np

from penchant.data.load import load_dataset
from penchant.data.split import leave_one_out
from penchant.evaluation.evaluate import evaluate
from penchant.models import SASRec
from penchant.models.base import FitOptions

events, length = Path(sys.argv[1]), int(sys.argv[2])
split = leave_one_out(load_dataset(events))
few = split.train.keep(np.arange(split.train.n_events) < 5_000)
model = SASRec(max_len=length, epochs=1).fit(few, FitOptions(quiet=True))
evaluate(model, split.test)  # warm-up
found = evaluate(model, split.test)
print(json.dumps({"done": len(found), "seconds": found.seconds}))
