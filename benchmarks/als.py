"""Speed of ALS, in events a second of all iterations, against implicit's: same factors, weights, penalty, iterations and threads, float32.

    python benchmarks/als.py --peer-python PATH [--events ml-1m/ratings.dat.gz] [--solver cg|cholesky] [--rounds 3]

Each round runs both in processes of their own, alternating and tells NDCG@10 of everybody's last event, which is
left out of the training. implicit's own solver is three steps of conjugate gradients (cg); ours is exact, as its other one (cholesky).
Reading and preparing data is not counted. Threads are those of OMP_NUM_THREADS.
"""

import tempfile
from pathlib import Path

import numpy as np

from penchant.data.load import load_dataset
from penchant.data.split import leave_one_out
from versus import PEERS, alternate, arguments


def main() -> None:
    parser = arguments(__doc__, ["implicit"])
    parser.add_argument("--events", default="ml-1m/ratings.dat.gz", help="a file in the folder of the data sets")
    parser.add_argument("--solver", choices=["cg", "cholesky"], default="cg")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=15)
    asked = parser.parse_args()
    if asked.data is None:
        raise SystemExit("name the folder of the data sets by --data or the variable PENCHANT_DATA")
    events = Path(asked.data).resolve() / asked.events
    test = leave_one_out(load_dataset(events)).test
    if test.targets is None:
        raise SystemExit(f"{events} has nobody with three events")
    met = test.interactions
    with tempfile.TemporaryDirectory() as folder:
        parts = Path(folder) / "parts.npz"
        np.savez(parts, users=met.users, items=met.items, targets=test.targets, shape=(test.n_users, test.n_items))
        alternate(
            asked,
            PEERS / "penchant_als.py",
            PEERS / "implicit_als.py",
            "events",
            events,
            parts,
            asked.factors,
            asked.iterations,
            asked.solver,
        )


if __name__ == "__main__":
    main()
