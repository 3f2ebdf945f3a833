"""What a small encoder takes over from a large one."""

from typing import Any

import pytest

pytest.importorskip("torch", reason="encoders need torch")

import torch

from penchant.models.assembly import Known, build
from penchant.models.hstu import HSTUConfig
from penchant.models.inherit import inherit
from penchant.nn.encoder import Encoder

PARTS: dict[str, Any] = {"embedding_dim": 8, "max_len": 12, "relative_bias": "layer", "time": "request"}


def encoder(n_items: int = 9, seed: int = 0, **settings: Any) -> Encoder:
    torch.manual_seed(seed)
    made = build(HSTUConfig(**{**PARTS, "n_layers": 5, **settings}), n_items).eval()
    for weight in made.parameters():
        torch.nn.init.normal_(weight)
    return made


def states(of: Encoder) -> Any:
    codes = torch.tensor([[of.start, 3, 1, 8, 0]])
    times = torch.tensor([[0, 0, 5, 70, 4000]], dtype=torch.int32)
    with torch.no_grad():
        return of(codes, times, times + 9)


def test_of_the_same_build_both_are_the_same() -> None:
    teacher, student = encoder(), encoder(seed=1)
    assert not torch.allclose(states(student), states(teacher))
    inherit(student, teacher)
    assert torch.equal(states(student), states(teacher))


def test_layers_are_spread_from_first_to_last_and_places_are_the_first() -> None:
    teacher, student = encoder(), encoder(seed=1, n_layers=3, max_len=4)
    inherit(student, teacher)
    for own, layer in enumerate((0, 2, 4)):
        for name, numbers in student.blocks[own].state_dict().items():
            assert torch.equal(numbers, teacher.blocks[layer].state_dict()[name])
        assert torch.equal(student.position.positions[own], teacher.position.positions[layer, :4])
        assert torch.equal(student.position.times[own], teacher.position.times[layer])


def test_one_bias_of_the_teacher_serves_all_layers() -> None:
    teacher, student = encoder(relative_bias="shared"), encoder(seed=1, n_layers=2)
    inherit(student, teacher)
    assert torch.equal(student.position.positions, teacher.position.positions.expand(2, -1))


def test_newer_items_stay_as_they_are() -> None:
    teacher, student = encoder(9), encoder(11, seed=1)
    fresh = student.items.weight[9:11].clone()
    inherit(student, teacher)
    assert torch.equal(student.items.weight[:9], teacher.items.weight[:9])
    assert torch.equal(student.items.weight[9:11], fresh)
    assert torch.equal(student.items.weight[student.start], teacher.items.weight[teacher.start])


@pytest.mark.parametrize(
    "other", [{"embedding_dim": 4}, {"attention": "softmax", "feed_forward": "gelu", "position": "learned", "time": "none"}]
)
def test_what_is_built_otherwise_stays_as_it_is(other: dict[str, Any]) -> None:
    teacher, student = encoder(), encoder(seed=1, **other)
    before = {name: tensor.clone() for name, tensor in student.blocks.state_dict().items()}
    inherit(student, teacher)
    assert all(torch.equal(before[name], tensor) for name, tensor in student.blocks.state_dict().items())


def test_without_layers_there_is_nothing_to_take_but_no_error() -> None:
    teacher, bare = encoder(), encoder(n_layers=0, relative_bias="shared", seed=1)
    inherit(bare, teacher)
    assert torch.equal(bare.items.weight, teacher.items.weight)
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    inherit(teacher, encoder(n_layers=0, relative_bias="shared", seed=2))
    assert all(torch.equal(before[name], tensor) for name, tensor in teacher.state_dict().items())


@pytest.mark.parametrize("properties", [1.0, 2.0])
def test_what_was_read_from_data_is_not_taken_over(properties: float) -> None:
    def made(seed: int, content: float) -> Encoder:
        torch.manual_seed(seed)
        config = HSTUConfig(**{**PARTS, "n_layers": 2, "inputs": ("content", "value")})
        known = Known(edges=torch.arange(9.0), content=torch.full((9, 3), content))
        result = build(config, 9, known)
        for weight in result.parameters():
            torch.nn.init.normal_(weight)
        return result

    teacher, student = made(0, 1.0), made(1, properties)
    inherit(student, teacher)
    assert float(student.content.matrix[0, 0]) == properties
    assert torch.equal(student.content.weigh, teacher.content.weigh) == (properties == 1.0)
    assert torch.equal(student.events.values.weight, teacher.events.values.weight)
