"""Evaluation speed: users a second whose whole catalogue SASRec ranks and whose lists are measured, on MovieLens-1M.

    python benchmarks/ranking.py --peer rectools --peer-python PATH [--rounds 3]

Everybody's last event is the target, what they met before is left out, HR@10 and NDCG@10 are worked out. Models are the same size
(dim 64, 2 blocks, length 200 for RecTools and 50 for RecBole) and trained for a few steps only: speed does not depend on what was
learned. Ours works out all its metrics, AUC over the whole order among them.
"""

import tempfile
from pathlib import Path

from versus import PEERS, alternate, arguments, events_of_movielens

LENGTHS = {"rectools": 200, "recbole": 50}


def main() -> None:
    asked = arguments(__doc__, list(LENGTHS)).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.csv"
        events_of_movielens(asked, events)
        alternate(asked, PEERS / "penchant_ranking.py", PEERS / f"{asked.peer}_ranking.py", "users", events, LENGTHS[asked.peer])


if __name__ == "__main__":
    main()
