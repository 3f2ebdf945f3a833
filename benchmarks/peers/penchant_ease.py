"""Our EASE on `events`: its items and the seconds of its fit. Leaves the weights for the peer to compare."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from penchant.data.load import load_dataset
from penchant.models import EASE

events, precision, l2, weights = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
dataset = load_dataset(events)
model = EASE(l2=l2, precision=precision)
began = time.perf_counter()
model.fit(dataset)
seconds = time.perf_counter() - began
np.save(weights, model._weights)
print(json.dumps({"done": dataset.n_items, "seconds": seconds, "fit": f"{seconds:.2f} s"}))
