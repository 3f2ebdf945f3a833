"""A small model beside the large one it came from: NDCG@10 kept, and the time of one answer to a history of 200 events on one thread.

python benchmarks/student.py [--data FOLDER] [--set ml-100k] [--teacher-set size=large] [--student-set distillation_weight=0.5] [--alone]

The same students as ONNX graphs, and in int8, are measured too. Data are cut leave-one-out; the test is asked at its own time.
"""

import argparse
import json
import os
import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from penchant.core.clock import MINUTE
from penchant.core.types import Queries
from penchant.data.load import load_dataset
from penchant.data.split import Split, leave_one_out
from penchant.evaluation.evaluate import evaluate
from penchant.models import Exported, Student
from penchant.models.base import FitOptions, Model
from penchant.models.encoder import EncoderModel
from penchant.models.hstu import HSTU

EVENTS = 200  # of the history that is answered
FILES = {"ml-100k": "ml-100k/u.data", "ml-1m": "ml-1m/ratings.dat.gz"}
BLOCKS = 15  # of alternating answers; the ratio of each is one sample
ANSWERS = 40  # a block


def settings(given: Sequence[str]) -> dict[str, Any]:
    """n_layers=4 … as values."""
    pairs = [each.partition("=") for each in given]
    return {key: json.loads(value) if re.match(r"[-\d\[{]|true$|false$|null$", value) else value for key, _, value in pairs}


def ndcg(model: Model, split: Split) -> float:
    """On the test."""
    found = evaluate(model, split.test, at=10, train=split.train, time_known=True)
    return float(found.metrics["ndcg@10"])


def milliseconds(models: Sequence[Model], n_items: int) -> list[list[float]]:
    """Of one answer of each model in each block, taking turns."""
    history = np.random.default_rng(0).permutation(max(n_items, EVENTS))[:EVENTS] % n_items
    request = Queries.of([history], timestamps=[np.arange(EVENTS) * MINUTE], at=EVENTS * MINUTE)
    took: list[list[float]] = [[] for _ in models]
    for block in range(BLOCKS + 1):
        for m, model in enumerate(models):
            began = time.perf_counter()
            for _ in range(ANSWERS):
                model.recommend(request, 10)
            if block:  # the first warms up
                took[m].append(1000 * (time.perf_counter() - began) / ANSWERS)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("PENCHANT_DATA"), help="the folder of the data sets, or PENCHANT_DATA")
    parser.add_argument("--set", default="ml-100k", choices=FILES)
    parser.add_argument(
        "--teacher", type=Path, help="the folder of a saved sequence model, instead of training one; it is made where missing"
    )
    parser.add_argument("--teacher-set", nargs="*", default=["size=large"], metavar="KEY=VALUE")
    parser.add_argument("--student-set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--alone", action="store_true", help="also the student's own settings without a teacher")
    asked = parser.parse_args()
    if asked.data is None:
        raise SystemExit("name the folder of the data sets by --data or the variable PENCHANT_DATA")
    torch.set_num_threads(1)
    split = leave_one_out(load_dataset(Path(asked.data) / FILES[asked.set]))
    options = FitOptions(validation=split.validation, threads=1)
    teacher: EncoderModel
    if asked.teacher is not None and asked.teacher.is_dir():
        teacher = HSTU.load(asked.teacher)
    else:
        teacher = HSTU(**settings(asked.teacher_set)).fit(split.train, options)
        if asked.teacher is not None:
            teacher.save(asked.teacher)
    folder = FitOptions(validation=split.validation, threads=1, models={} if asked.teacher is None else {"teacher": asked.teacher})
    told = "teacher" if asked.teacher is not None else {"model": teacher.name, **teacher.config.model_dump(mode="json")}
    student = Student(teacher=told, **settings(asked.student_set)).fit(split.train, folder)
    named: dict[str, Model] = {"teacher": teacher, "student": student}
    if asked.alone:
        named["alone"] = Student(teacher=told, **{**settings(asked.student_set), "distillation_weight": 0.0}).fit(split.train, folder)
    for name, model in list(named.items())[:2]:
        named |= {f"{name}, ONNX": Exported.of(model), f"{name}, int8": Exported.of(model, int8=True)}
    qualities = {name: ndcg(model, split) for name, model in named.items()}
    took = dict(zip(named, milliseconds(list(named.values()), split.train.n_items), strict=True))
    for name in named:
        kept, share = qualities[name] / qualities["teacher"], statistics.median(took[name]) / statistics.median(took["teacher"])
        print(f"{name:16} NDCG@10 {qualities[name]:.4f} ({kept:6.1%} kept)   {statistics.median(took[name]):7.3f} ms ({share:6.1%})")
    print(f"NDCG kept {qualities['student'] / qualities['teacher']:.4f}")
    for name, how in (("", "in torch"), (", ONNX", "both as ONNX graphs")):
        ratios = sorted(large / small for large, small in zip(took[f"teacher{name}"], took[f"student{name}"], strict=True))
        low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
        print(f"ratio {statistics.median(ratios):.2f} ({low:.2f}–{high:.2f}) {how}")


if __name__ == "__main__":
    main()
