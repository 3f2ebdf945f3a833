import pytest
import torch
from torch import Tensor

from penchant.nn.attention import PointwiseAttention, SoftmaxAttention
from penchant.nn.bias import RelativeBias
from penchant.nn.block import Block
from penchant.nn.dropout import Dropout
from penchant.nn.encoder import Encoder, initialise, last_states
from penchant.nn.feed_forward import FeedForward
from penchant.nn.position import LearnedPosition

N_ITEMS, DIM, MAX_LEN = 11, 8, 6


def encoder() -> Encoder:
    torch.manual_seed(0)
    blocks = [Block(DIM, SoftmaxAttention(DIM, 2), FeedForward(DIM, 16, 0.1), dropout=0.1) for _ in range(2)]
    made = Encoder(N_ITEMS, DIM, position=LearnedPosition(MAX_LEN, DIM), blocks=blocks, dropout=0.1)
    initialise(made, std=0.3)
    return made.eval()


def tokens(*rows: list[int]) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in rows)
    padded = [row + [N_ITEMS] * (longest - len(row)) for row in rows]
    return torch.tensor(padded), torch.tensor([len(row) for row in rows])


def last(model: Encoder, *rows: list[int]) -> Tensor:
    padded, lengths = tokens(*rows)
    return last_states(model(padded), lengths)


def test_later_events_change_no_earlier_state() -> None:
    model = encoder()
    states, other = model(torch.tensor([[1, 2, 3, 4]])), model(torch.tensor([[1, 2, 9, 8]]))
    torch.testing.assert_close(states[:, :2], other[:, :2])


def test_padding_changes_nothing() -> None:
    model = encoder()
    alone = last(model, [1, 2])
    beside = last(model, [1, 2], [3, 4, 5, 6, 7])
    torch.testing.assert_close(alone[0], beside[0])


def test_padding_gets_no_gradient() -> None:
    model = encoder()
    padded, lengths = tokens([1, 2], [3, 4, 5])
    padded[0, 2] = 7
    last_states(model(padded), lengths).pow(3).sum().backward()
    gradient = model.items.weight.grad
    assert gradient is not None
    assert torch.count_nonzero(gradient[7]) == 0 and torch.count_nonzero(gradient[2]) > 0


def test_a_short_history_has_the_states_of_the_long_one_it_begins() -> None:
    model = encoder()
    long, short = model(torch.tensor([[1, 2, 3, 4, 5]])), model(torch.tensor([[1, 2]]))
    torch.testing.assert_close(short, long[:, :2])


def test_order_matters() -> None:
    model = encoder()
    assert not torch.allclose(last(model, [1, 2, 3]), last(model, [2, 1, 3]), atol=1e-3)


def test_without_layers_or_position_only_the_last_item_counts() -> None:
    model = Encoder(N_ITEMS, DIM, position=None, blocks=[], dropout=0.0).eval()
    torch.testing.assert_close(last(model, [1, 2]), last(model, [5, 2]))


def test_one_seed_gives_one_start() -> None:
    for ours, theirs in zip(encoder().state_dict().values(), encoder().state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.3)(torch.ones(1000, 100))
    assert abs(float(dropped.mean()) - 1) < 0.01
    assert abs(float((dropped == 0).float().mean()) - 0.3) < 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_dropout_scales_what_it_keeps_in_every_number_format(dtype: torch.dtype) -> None:
    dropped = Dropout(0.5)(torch.ones(100, 10, dtype=dtype))
    assert dropped.dtype == dtype and set(dropped.unique().tolist()) == {0.0, 2.0}


def test_dropout_is_the_identity_outside_training_and_at_zero() -> None:
    x = torch.randn(4, 5)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_dropout_takes_any_number_of_elements() -> None:
    assert Dropout(0.5)(torch.ones(3, 1, 3)).shape == (3, 1, 3)


@pytest.mark.parametrize("position", [None, "learned", "relative"])
@pytest.mark.parametrize("attention", [SoftmaxAttention, PointwiseAttention])
@pytest.mark.parametrize("rotary", [False, True])
def test_an_answer_is_the_last_state(attention: type[SoftmaxAttention | PointwiseAttention], position: str | None, *, rotary: bool) -> None:
    torch.manual_seed(0)
    made = {None: None, "learned": LearnedPosition(9, 8), "relative": RelativeBias(9, time=True, sets=2)}[position]
    if isinstance(made, RelativeBias):
        torch.nn.init.normal_(made.positions)
        torch.nn.init.normal_(made.times)  # type: ignore[arg-type]
    blocks = [Block(8, attention(8, 2, rotary=rotary), FeedForward(8, 16, 0.0), dropout=0.0, gated=True) for _ in range(2)]
    model = Encoder(30, 8, position=made, blocks=blocks, dropout=0.0).eval()
    codes, lengths = torch.randint(30, (4, 9)), torch.tensor([9, 1, 4, 7])
    times = torch.randint(1_000, (4, 9), dtype=torch.int32).sort(dim=1).values
    torch.testing.assert_close(model.answer(lengths, codes, times, times + 5), last_states(model(codes, times, times + 5), lengths))
