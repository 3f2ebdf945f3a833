"""implicit's ALS on the known events of `parts`: its events times iterations, the seconds of its fit, and its NDCG@10."""

import json
import os
import sys
import time

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

parts, factors, iterations, solver = np.load(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
users, items, targets = (parts[name] for name in ("users", "items", "targets"))
known = sparse.csr_matrix((np.ones((~targets).sum(), np.float32), (users[~targets], items[~targets])), shape=parts["shape"])
known.data[:] = 1  # however often they met
threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))
with threadpool_limits(1, "blas"):  # its own advice
    model = AlternatingLeastSquares(
        factors=factors,
        alpha=6.0,
        regularization=1.0,
        iterations=iterations,
        dtype=np.float32,
        use_cg=solver == "cg",
        num_threads=threads,
    )
    began = time.perf_counter()
    model.fit(known, show_progress=False)
    seconds = time.perf_counter() - began
    lists, _ = model.recommend(users[targets], known[users[targets]], N=10, filter_already_liked_items=True)
rows, ranks = np.nonzero(lists == items[targets][:, None])
found = float((1 / np.log2(ranks + 2)).sum() / targets.sum())
print(json.dumps({"done": iterations * int((~targets).sum()), "seconds": seconds, "fit": f"{seconds:.2f} s", "NDCG@10": round(found, 4)}))
