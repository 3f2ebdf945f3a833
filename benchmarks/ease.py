"""Fit of EASE, in items a second, against the same by numpy's inverse: XᵀX, `numpy.linalg.inv`, division by the diagonal.

    python benchmarks/ease.py [--events ml-1m/ratings.dat.gz] [--precision float64|float32] [--l2 100] [--rounds 3]

Each round runs both in processes of their own, alternating, in equal precision. Reading the data is not counted. Each round tells how far
apart the weights are at most. Threads are those of OMP_NUM_THREADS.
"""

import tempfile
from pathlib import Path

from versus import PEERS, alternate, arguments


def main() -> None:
    parser = arguments(__doc__, ["numpy"])
    parser.add_argument("--events", default="ml-1m/ratings.dat.gz", help="a file in the folder of the data sets")
    parser.add_argument("--precision", choices=["float64", "float32"], default="float64")
    parser.add_argument("--l2", type=float, default=100.0)
    asked = parser.parse_args()
    if asked.data is None:
        raise SystemExit("name the folder of the data sets by --data or the variable PENCHANT_DATA")
    with tempfile.TemporaryDirectory() as folder:
        given = (Path(asked.data).resolve() / asked.events, asked.precision, asked.l2, Path(folder) / "weights.npy")
        alternate(asked, PEERS / "penchant_ease.py", PEERS / "numpy_ease.py", "items", *given)


if __name__ == "__main__":
    main()
