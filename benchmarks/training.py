"""Training speed: targets a second of SASRec (dim 64, 2 blocks, full softmax) on MovieLens-1M against RecTools or RecBole.

    python benchmarks/training.py --peer rectools --peer-python PATH [--users 1500] [--rounds 3]

RecTools trains length 200 in batches of 128 for one epoch; RecBole, which makes a training example of every prefix, length 50 for a
few batches of 2,048 of its own loader. Ours is the default setting, 3,200 events a step, at the same length. Reading and preparing
data is not counted. A target is a position whose next item is predicted. Both learn from the same people's histories, the last event
held out.
"""

import tempfile
from pathlib import Path

from versus import PEERS, alternate, arguments, events_of_movielens

LENGTHS = {"rectools": 200, "recbole": 50}


def main() -> None:
    parser = arguments(__doc__, list(LENGTHS))
    parser.add_argument("--users", type=int, default=1_500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.csv"
        events_of_movielens(asked, events, asked.users)
        alternate(asked, PEERS / "penchant_training.py", PEERS / f"{asked.peer}_training.py", "targets", events, LENGTHS[asked.peer])


if __name__ == "__main__":
    main()
