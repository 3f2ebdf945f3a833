"""How good the models are on public data, each row of the table by one command, under the protocol of the figures published.

    PENCHANT_DATA=FOLDER python benchmarks/quality.py ROW [--seeds 0,1,2]      (without ROW: what rows there are)

A row names a data set, how it is cut, what counts, and the large model's settings; the blend `auto` is judged beside every member.
A run that was interrupted goes on: checkpoints and finished large models are kept in `--work`.
"""

import argparse
import json
import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.data.load import load_dataset
from penchant.data.split import Split, given
from penchant.evaluation.evaluate import Evaluation, evaluate
from penchant.evaluation.protocol import Protocol
from penchant.evaluation.significance import compare
from penchant.models.auto import COUNTING, Auto
from penchant.models.base import FitOptions, Model


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    events: str  # below the data folder
    protocol: Protocol
    published: tuple[float, float] | None = None  # the figures to beat, in the order of `metrics`
    large: dict[str, dict[str, Any]] = field(default_factory=dict)  # in place of the blend's own large model; `Any`: settings
    test_events: str = ""  # where the test is a file of its own
    metrics: tuple[str, str] = ("hit_rate@10", "ndcg@10")


LEAVE_ONE_OUT, TEMPORAL = Protocol(), Protocol(name="temporal")
HSTU = {"context_dropout": 0.0, "batch_size": 32, "relative_bias": "layer"}
S3REC = {"sasrec": {"max_len": 50}}

ROWS = {
    "ml-1m-time-known": Row(
        "ml-1m/ratings.dat.gz",
        Protocol(time_known=True),
        (0.3642, 0.2164),
        {"hstu": {**HSTU, "n_layers": 8, "epochs": 60, "patience": 60, "validation_users": 3_000}},
    ),
    "ml-1m-15-minutes": Row(
        "ml-1m/ratings.dat.gz", Protocol(time_known=True), (0.33, 0.195), {"hstu": {**HSTU, "n_layers": 4, "epochs": 24, "patience": 24}}
    ),
    "ml-1m": Row("ml-1m/ratings.dat.gz", LEAVE_ONE_OUT, (0.3133, 0.1772), {"hstu": {**HSTU, "time": "history", "epochs": 40}}),
    "ml-1m-sasrec-file": Row("ml-1m/sasrec/ml-1m.txt.gz", LEAVE_ONE_OUT, (0.3159, 0.1857), {"sasrec": {"batch_size": 32, "epochs": 40}}),
    "ml-100k": Row("ml-100k", LEAVE_ONE_OUT),
    "beauty": Row("s3rec-amazon/Beauty.txt.gz", LEAVE_ONE_OUT, (0.0928, 0.0531), S3REC),
    "sports": Row("s3rec-amazon/Sports_and_Outdoors.txt.gz", LEAVE_ONE_OUT, (0.0569, 0.0323), S3REC),
    "toys": Row("s3rec-amazon/Toys_and_Games.txt", LEAVE_ONE_OUT, (0.0970, 0.0580), S3REC),
    "yelp": Row("s3rec-amazon/Yelp.txt.gz", LEAVE_ONE_OUT, None, S3REC),
    "lastfm": Row("s3rec-amazon/LastFM.txt", LEAVE_ONE_OUT, None, S3REC),
    "gowalla": Row(
        "lightgcn/gowalla/train.txt.gz",
        Protocol(name="given", at=20),
        (0.1872, 0.1580),
        {"graph-filter": {"rarity": 0.3, "frequency": 0.4, "neighbours": 1_000}},
        test_events="lightgcn/gowalla/test.txt.gz",
        metrics=("recall@20", "ndcg@20"),
    ),
    "ta-feng": Row(
        "tafeng-nbr/tafeng_history.json.gz",
        Protocol(name="given", exclude_seen=False),
        (0.1301, 0.1011),
        {"tifu-knn": {}},
        test_events="tafeng-nbr/tafeng_future.json",
        metrics=("recall@10", "ndcg@10"),
    ),
    "ml-1m-temporal": Row("ml-1m/ratings.dat.gz", TEMPORAL),
    "ml-100k-temporal": Row("ml-100k", TEMPORAL),
    "online-retail-temporal": Row("online-retail/online_retail.csv.gz", TEMPORAL),
    "complete-journey-temporal": Row("complete-journey/transactions_100k.csv.gz", TEMPORAL),
    "epub": Row("arules-epub/epub.dat", LEAVE_ONE_OUT),
    "hetrec-lastfm": Row("hetrec-lastfm-2k/user_artists.dat.gz", LEAVE_ONE_OUT),
    "anime": Row("caserec-anime/anime_history.dat.gz", LEAVE_ONE_OUT),
}


def cut(row: Row, data: Path) -> Split:
    dataset = load_dataset(data / row.events)
    if not row.test_events:
        return row.protocol.split(dataset)
    return given(
        dataset, load_dataset(data / row.test_events), validation=0
    )  # published figures learn from all of it; the blend holds back what it needs


def judge(row: Row, split: Split, seed: int, work: Path) -> tuple[dict[str, Evaluation], Auto]:
    """The blend and all its members, trained and judged with one seed."""
    members = {**row.large, **COUNTING} if row.large else None
    validation = split.validation if split.validation.targets is not None and split.validation.targets.any() else None
    auto = Auto(members=members, seed=seed).fit(split.train, FitOptions(validation=validation, checkpoint=work / f"seed-{seed}"))
    judged: dict[str, Model] = {"auto": auto, **auto.trained}
    rules = {name: getattr(row.protocol, name) for name in ("at", "time_known", "exclude_seen")} | {"train": split.train}
    return {name: evaluate(model, split.test, **rules) for name, model in judged.items()}, auto


def show(row: Row, runs: list[dict[str, Evaluation]]) -> None:
    print(f"{'model':16}" + "".join(f"{metric:>24}" for metric in row.metrics) + f"{'users/s':>12}")
    # A member that only some seeds kept is judged with these.
    found = {name: [run[name] for run in runs if name in run] for name in {name for run in runs for name in run}}
    for name, evaluations in sorted(found.items(), key=lambda each: -statistics.mean(one.metrics[row.metrics[1]] for one in each[1])):
        cells = []
        for metric in row.metrics:
            values = [one.metrics[metric] for one in evaluations]
            spread = f" ({min(values):.4f}–{max(values):.4f})" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.4f}{spread}")
        speed = statistics.median(len(one) / one.seconds for one in evaluations)
        print(f"{name:16}" + "".join(f"{cell:>24}" for cell in cells) + f"{speed:>12,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="?", choices=list(ROWS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--data", type=Path, default=os.environ.get("PENCHANT_DATA"))
    parser.add_argument("--work", type=Path, default=Path("var/quality"))
    asked = parser.parse_args()
    if asked.row is None:
        parser.exit(0, "rows: " + ", ".join(ROWS) + "\n")
    if asked.data is None:
        parser.error("name the folder of the data sets by --data or the variable PENCHANT_DATA")
    row = ROWS[asked.row]
    split = cut(row, Path(asked.data))
    runs = []
    for seed in map(int, asked.seeds.split(",")):
        judged, auto = judge(row, split, seed, asked.work / asked.row)
        print(
            f"seed {seed}: {auto.facts['fit_seconds']:,.0f} s of training; weighed on held-back requests: {json.dumps(auto.facts['gains'])}"
        )
        print(f"kept: {', '.join(auto.facts['members'])}")
        runs.append(judged)
    show(row, runs)
    second = row.metrics[1]
    best = max((name for name in runs[0] if name != "auto"), key=lambda name: runs[0][name].metrics[second])
    found = compare(runs[0]["auto"].scores[second], runs[0][best].scores[second], seed=0)
    interval = f"{found.low:+.4f} to {found.high:+.4f}"
    print(f"auto − {best}: {found.difference:+.4f} ({interval}), p = {found.p:.4f}, {len(runs[0]['auto']):,} requests")
    if row.published:
        reached = [statistics.mean(run["auto"].metrics[metric] for run in runs) for metric in row.metrics]
        ratios = [f"{metric} {ours / theirs:.3f}" for metric, ours, theirs in zip(row.metrics, reached, row.published, strict=True)]
        print(f"auto ÷ published: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
