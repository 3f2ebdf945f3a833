"""RecBole's SASRec on `events.csv` at a length, ready to train: dim 64, 2 blocks, full softmax, batches of 2,048."""

import logging
import os
import sys
import tempfile

import pandas as pd

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"

from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed


def prepared(events, length):
    """(model, trainer, training data, test data, number of users)."""
    folder = tempfile.mkdtemp()
    os.makedirs(f"{folder}/set")
    frame = pd.read_csv(events)
    frame.columns = ["user_id:token", "item_id:token", "timestamp:float"]
    frame.to_csv(f"{folder}/set/set.inter", sep="\t", index=False)
    sys.argv = sys.argv[:1]  # RecBole reads the command line too
    logging.disable(logging.WARNING)
    settings = {
        "data_path": folder,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "MAX_ITEM_LIST_LENGTH": length,
        "hidden_size": 64,
        "inner_size": 256,
        "n_layers": 2,
        "n_heads": 2,
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "train_batch_size": 2048,
        "eval_batch_size": 2048,
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"},
        "metrics": ["Hit", "NDCG"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "use_gpu": False,
        "show_progress": False,
        "checkpoint_dir": folder,
    }
    config = Config(model="SASRec", dataset="set", config_dict=settings)
    init_seed(0, True)
    train, _, test = data_preparation(config, create_dataset(config))
    model = get_model("SASRec")(config, train._dataset)
    return model, get_trainer(config["MODEL_TYPE"], "SASRec")(config, model), train, test, frame["user_id:token"].nunique()
