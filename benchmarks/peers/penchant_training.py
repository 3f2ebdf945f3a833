"""One epoch of our SASRec on `events.csv` at a length: its targets and the seconds of its steps."""

import json
import sys
from pathlib import Path

from penchant.data.load import load_dataset
from penchant.models import SASRec
from penchant.models.base import FitOptions

events, length = Path(sys.argv[1]), int(sys.argv[2])
dataset = load_dataset(events)
model = SASRec(max_len=length, batch_size=3_200 // length, epochs=2).fit(dataset, FitOptions(quiet=True))
last = model.facts["curve"][-1]  # the first epoch compiles the kernels of each shape
print(json.dumps({"done": dataset.n_events, "seconds": last["seconds"], "loss": round(last["loss"], 3)}))
