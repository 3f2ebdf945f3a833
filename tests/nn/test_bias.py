import torch

from penchant.nn.bias import BUCKETS, RelativeBias, look_up, time_buckets, time_buckets_plain


def test_buckets_are_half_octaves() -> None:
    seconds = torch.tensor([-5, 0, 1, 2, 3, 5, 7, 2**31 - 1], dtype=torch.int32)
    assert time_buckets(seconds).tolist() == [0, 0, 2, 3, 4, 5, 6, BUCKETS - 2]


def test_buckets_rise_with_time_and_stay_in_the_table() -> None:
    buckets = time_buckets(torch.arange(0, 2**31 - 1, 999_983, dtype=torch.int32))
    assert (buckets[1:] >= buckets[:-1]).all() and int(buckets.min()) >= 0 and int(buckets.max()) < BUCKETS


def test_buckets_from_logarithms_are_those_from_bits() -> None:
    around = torch.tensor([part * 2**octave + near for part in (2, 3) for octave in range(29) for near in range(-3, 3)])
    drawn = torch.randint(0, 2**31 - 1, (10_000,), generator=torch.Generator().manual_seed(0))
    seconds = torch.cat([torch.arange(5_000), around, drawn, 2**31 - torch.arange(1, 300)]).int()
    assert torch.equal(time_buckets_plain(seconds), time_buckets(seconds))


def test_looking_up_has_the_gradient_of_indexing() -> None:
    torch.manual_seed(0)
    table = torch.randn(7).requires_grad_()
    plain = table.detach().clone().requires_grad_()
    index, direction = torch.randint(7, (4, 5), dtype=torch.int32), torch.randn(4, 5)
    found = look_up(table, index)
    found.backward(direction)
    plain[index.long()].backward(direction)
    assert table.grad is not None and plain.grad is not None
    torch.testing.assert_close(found, table[index.long()])
    torch.testing.assert_close(table.grad, plain.grad)


def test_each_bias_is_that_of_the_distance_and_the_time_between() -> None:
    bias = RelativeBias(8, time=True, sets=2)
    torch.nn.init.normal_(bias.positions)
    torch.nn.init.normal_(bias.times)  # type: ignore[arg-type]
    times, asked = torch.tensor([[0, 10, 500]], dtype=torch.int32), torch.tensor([[10, 500, 501]], dtype=torch.int32)
    made = bias(3, times, asked)
    assert [each.shape for each in made] == [(1, 1, 3, 3)] * 2
    assert bias.times is not None
    expected = bias.positions[:, 2] + bias.times[:, time_buckets(torch.tensor(501))]
    torch.testing.assert_close(torch.stack(made)[:, 0, 0, 2, 0], expected)


def test_without_time_one_bias_serves_all_rows() -> None:
    assert [each.shape for each in RelativeBias(8, time=False)(5, None, None)] == [(1, 1, 5, 5)]
