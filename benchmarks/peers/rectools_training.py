"""One epoch of RecTools' SASRec on `events.csv` at a length: its targets and the seconds of its steps."""

import json
import logging
import sys
import time
import warnings

import pandas as pd
from pytorch_lightning import Callback, Trainer
from rectools.dataset import Dataset
from rectools.models import SASRecModel

warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
events, length = sys.argv[1], int(sys.argv[2])


class Clock(Callback):
    """Targets and time from the end of the second batch on, when everything is warm."""

    done, batches, began, seconds = 0, 0, 0.0, 0.0

    def on_train_batch_end(self, trainer, module, outputs, batch, number):
        """Count what the batch predicted; padding is 0."""
        self.batches += 1
        if self.batches == 2:
            self.began = time.perf_counter()
        elif self.batches > 2:
            self.done += int((batch["y"] != 0).sum())
            self.seconds = time.perf_counter() - self.began


clock = Clock()


def trainer():
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return Trainer(max_epochs=1, min_epochs=1, devices=1, accelerator="cpu", callbacks=[clock], **quiet)


frame = pd.read_csv(events).rename(columns={"timestamp": "datetime"})
frame["datetime"], frame["weight"] = pd.to_datetime(frame["datetime"], unit="s"), 1
model = SASRecModel(
    n_factors=64, n_blocks=2, n_heads=2, session_max_len=length, loss="softmax", batch_size=128, epochs=1, get_trainer_func=trainer
)
model.fit(Dataset.construct(frame))
clock = next(callback for callback in model.fit_trainer.callbacks if isinstance(callback, Clock))
print(json.dumps({"done": clock.done, "seconds": clock.seconds}))
