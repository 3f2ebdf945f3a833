import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch

from penchant.core.errors import ArtifactCorrupt, ArtifactIncompatible
from penchant.training.checkpoint import FILE, Checkpoint, read_checkpoint, remove_checkpoint, write_checkpoint

IDENTITY = {"config": {"dropout": 0.2, "epochs": 3}, "data": "abc"}


def checkpoint(epoch: int = 1) -> Checkpoint:
    tensors = {"weights/a": torch.arange(6.0).view(2, 3), "optimizer/a/step": torch.tensor(4.0), "random/cpu": torch.get_rng_state()}
    return Checkpoint(tensors, {"epoch": epoch, "curve": [{"loss": 0.1 + 0.2}]}, IDENTITY)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint())
    read = read_checkpoint(tmp_path, IDENTITY)
    assert read is not None
    assert read.state == checkpoint().state
    assert all(torch.equal(read.tensors[name], tensor) for name, tensor in checkpoint().tensors.items())


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "nowhere", IDENTITY) is None


def test_a_changed_config_is_refused_with_what_changed(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint())
    with pytest.raises(ArtifactIncompatible, match=r"config\.dropout: 0\.2 → 0\.5"):
        read_checkpoint(tmp_path, {"config": {"dropout": 0.5, "epochs": 3}, "data": "abc"})


def test_other_data_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint())
    with pytest.raises(ArtifactIncompatible, match="data: 'abc' → 'xyz'"):
        read_checkpoint(tmp_path, {**IDENTITY, "data": "xyz"})


def test_every_flipped_byte_of_the_content_is_noticed(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint())
    path = tmp_path / FILE
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((ArtifactCorrupt, ArtifactIncompatible)):
            read_checkpoint(tmp_path, IDENTITY)


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint())
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactCorrupt, match="delete it"):
        read_checkpoint(tmp_path, IDENTITY)


def test_a_write_that_fails_leaves_the_one_before(tmp_path: Path, no_larger: Callable[[int], AbstractContextManager[None]]) -> None:
    write_checkpoint(tmp_path, checkpoint(epoch=1))
    with no_larger(100), pytest.raises(OSError, match=f"{FILE}.new") as caught:
        write_checkpoint(tmp_path, checkpoint(epoch=2))
    assert caught.value.errno == errno.EFBIG
    read = read_checkpoint(tmp_path, IDENTITY)
    assert read is not None and read.state["epoch"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_half_written_file_is_never_chosen(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint(epoch=1))
    (tmp_path / f".{FILE}.new").write_bytes(b"half")
    read = read_checkpoint(tmp_path, IDENTITY)
    assert read is not None and read.state["epoch"] == 1


def test_remove_takes_it_away_and_may_be_repeated(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint())
    remove_checkpoint(tmp_path)
    remove_checkpoint(tmp_path)
    assert read_checkpoint(tmp_path, IDENTITY) is None
