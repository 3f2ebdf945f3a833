"""EASE by numpy's inverse on `events`: its items and the seconds of its fit, and how far its weights are from ours."""

import json
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from penchant.data.load import load_dataset

events, precision, l2, weights = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
dataset = load_dataset(events)
began = time.perf_counter()
known = dataset.interactions
matrix = sparse.csr_matrix((np.ones(len(known), np.float32), (known.users, known.items)), shape=(dataset.n_users, dataset.n_items))
matrix.data[:] = 1  # however often they met
found = (matrix.T @ matrix).toarray().astype(precision)
found[np.diag_indices(len(found))] += l2
found = np.linalg.inv(found)
found /= -np.diag(found).copy()
np.fill_diagonal(found, 0)
found = found.astype(np.float32, copy=False)
seconds = time.perf_counter() - began
ours = np.load(weights, mmap_mode="r")
apart = max(float(np.abs(ours[start : start + 512] - found[start : start + 512]).max()) for start in range(0, len(found), 512))
print(json.dumps({"done": dataset.n_items, "seconds": seconds, "fit": f"{seconds:.2f} s", "weights apart": f"{apart:.1e}"}))
