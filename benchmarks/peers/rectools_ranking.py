"""RecTools' SASRec, trained for two batches, ranks everything for everybody in `events.csv`: users and seconds."""

import json
import logging
import sys
import time
import warnings

import pandas as pd
from pytorch_lightning import Trainer
from rectools.dataset import Dataset
from rectools.metrics import NDCG, HitRate, calc_metrics
from rectools.models import SASRecModel

warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
events, length = sys.argv[1], int(sys.argv[2])


def trainer():
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return Trainer(max_epochs=1, min_epochs=1, devices=1, accelerator="cpu", limit_train_batches=2, **quiet)


frame = pd.read_csv(events).rename(columns={"timestamp": "datetime"})
frame["datetime"], frame["weight"] = pd.to_datetime(frame["datetime"], unit="s"), 1
last = frame.groupby("user_id").tail(1)
dataset = Dataset.construct(frame.drop(last.index))
model = SASRecModel(
    n_factors=64, n_blocks=2, n_heads=2, session_max_len=length, loss="softmax", batch_size=128, epochs=1, get_trainer_func=trainer
)
model.fit(dataset)
users = last["user_id"].unique()
for _ in range(2):  # the first is warm-up
    began = time.perf_counter()
    lists = model.recommend(users=users, dataset=dataset, k=10, filter_viewed=True)
    calc_metrics({"hr": HitRate(k=10), "ndcg": NDCG(k=10)}, reco=lists, interactions=last)
    seconds = time.perf_counter() - began
print(json.dumps({"done": len(users), "seconds": seconds}))
