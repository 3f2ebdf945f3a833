"""penchant as a library, in ten minutes: read events, hide the end, train two models, measure, recommend, save and load.

    python examples/tutorial.py                       on a small made-up shop
    python examples/tutorial.py --events clicks.csv   on your own file

Each function is one step; `main` puts them in order.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from penchant import Dataset, evaluate, load
from penchant.core.types import Queries
from penchant.data.split import Split, leave_one_out
from penchant.models import EASE, SASRec
from penchant.models.base import FitOptions, Model


def make_events(path: Path, *, users: int, items: int, length: int) -> Path:
    """Write a shop whose visitors mostly go from an item to the next one of the shelf: order matters there."""
    random = np.random.default_rng(0)
    rows = ["user_id,item_id,timestamp"]
    for user in range(users):
        item = int(random.integers(items))
        for step in range(length):
            rows.append(f"visitor-{user},item-{item},{1_700_000_000 + 3_600 * step + user}")
            item = (item + 1) % items if random.random() < 0.8 else int(random.integers(items))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> Dataset:
    """Step 1. Columns and time format are detected; what cleaning did is counted."""
    dataset = Dataset.read(path)
    print(f"{dataset.n_users:,} users, {dataset.n_items:,} items, {dataset.n_events:,} events")
    for step in dataset.facts["cleaning"]:
        if step["removed"]:
            print(f"  {step['step']}: {step['removed']:,} rows removed, {step['why']}")
    return dataset


def train(split: Split, *, epochs: int, dim: int) -> list[Model]:
    """Step 2. EASE is solved at once; SASRec reads histories in order, and stops when the validation gets no better."""
    options = FitOptions(validation=split.validation, quiet=True)
    return [
        EASE(l2=50.0).fit(split.train, options),
        SASRec(embedding_dim=dim, max_len=50, n_layers=1, epochs=epochs).fit(split.train, options),
    ]


def compare(models: list[Model], split: Split) -> Model:
    """Step 3. Who guesses the hidden events best? Every item competes."""
    results = {model.name: evaluate(model, split.test, at=10) for model in models}
    for name, result in results.items():
        print(f"{name:<8} NDCG@10 {result.metrics['ndcg@10']:.4f}   hit rate@10 {result.metrics['hit_rate@10']:.4f}")
    return max(models, key=lambda model: results[model.name].metrics["ndcg@10"])


def recommend(model: Model, dataset: Dataset, seen: list[str], n: int = 5) -> list[str]:
    """Step 4. A model is a function of a history, so somebody new is no special case. Codes inside, ids outside."""
    history = [dataset.items.code(item_id) for item_id in seen]
    found = model.recommend(Queries.of([history]), n)
    return [dataset.items.ids[code] for code in found.row(0)]


def keep(model: Model, folder: Path) -> Model:
    """Step 5. A saved model is a folder of plain arrays and settings; reading it runs no code from it."""
    model.save(folder)
    return load(folder)


def main() -> None:
    """All steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, help="a file of events; default: a made-up shop")
    parser.add_argument("--users", type=int, default=2_000, help="of the made-up shop")
    parser.add_argument("--items", type=int, default=200, help="of the made-up shop")
    parser.add_argument("--length", type=int, default=20, help="events of each of its users")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--dim", type=int, default=32)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = flags.events or make_events(folder / "events.csv", users=flags.users, items=flags.items, length=flags.length)
        dataset = read(events)
        split = leave_one_out(dataset)
        best = compare(train(split, epochs=flags.epochs, dim=flags.dim), split)
        seen = list(dataset.items.ids[:2])
        answer = recommend(best, dataset, seen)
        print(f"{best.name} for somebody who just saw {', '.join(seen)}: {', '.join(answer)}")
        again = keep(best, folder / "model")
        print("saved, loaded, and the answer is", "the same" if recommend(again, dataset, seen) == answer else "another")


if __name__ == "__main__":
    main()
