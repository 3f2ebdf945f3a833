import torch

from penchant.nn.known import BINS, EventInputs, ItemContent, edges_of

NAN = float("nan")


def test_edges_divide_values_into_parts_of_like_size() -> None:
    values = torch.cat([torch.arange(1000.0), torch.tensor([NAN, torch.inf])])
    counts = torch.bincount(torch.bucketize(values[:1000], edges_of(values), right=True))
    assert counts.tolist() == [100] * BINS


def test_each_of_few_values_has_a_part_of_its_own() -> None:
    ratings = torch.tensor([1.0, 2, 2, 3, 3, 3, 4, 4, 4, 5]).repeat(30)
    assert len(torch.bucketize(torch.arange(1.0, 6), edges_of(ratings), right=True).unique()) == 5


def test_without_values_there_is_one_part() -> None:
    for values in ([NAN, NAN], [], [2.0, 2.0]):
        assert (torch.bucketize(torch.tensor([-9.0, 2.0, 9e9]), edges_of(torch.tensor(values)), right=True) == 0).all()


def test_what_is_known_begins_at_zero_and_then_counts() -> None:
    inputs = EventInputs(4, n_event_types=3, edges=edges_of(torch.arange(100.0)))
    types, values = torch.tensor([[0, 2, -1, 7]]), torch.tensor([[5.0, 99.0, NAN, NAN]])
    assert torch.count_nonzero(inputs(types, values)) == 0  # type: ignore[arg-type]
    torch.nn.init.normal_(inputs.types.weight)  # type: ignore[union-attr]
    torch.nn.init.normal_(inputs.values.weight)  # type: ignore[union-attr]
    with torch.no_grad():
        inputs.types.weight[0] = inputs.values.weight[0] = 0  # type: ignore[union-attr]
    added = inputs(types, values)
    assert isinstance(added, torch.Tensor)
    assert torch.count_nonzero(added[0, 2:]) == 0  # nothing known, a type never met
    torch.testing.assert_close(added[0, 1], inputs.types.weight[3] + inputs.values.weight[BINS])  # type: ignore[union-attr]


def test_what_is_not_known_never_learns() -> None:
    inputs = EventInputs(4, n_event_types=2)
    added = inputs(torch.tensor([[0, -1]]), None)
    assert isinstance(added, torch.Tensor)
    added.sum().backward()
    gradient = inputs.types.weight.grad  # type: ignore[union-attr]
    assert gradient is not None and torch.count_nonzero(gradient[0]) == 0 and torch.count_nonzero(gradient[1]) == 4


def test_the_place_of_an_event_and_the_one_asked_for_add_up() -> None:
    inputs = EventInputs(4, n_scenarios=2)
    scenarios, asked = torch.tensor([[0, 1, -1, 2]]), torch.tensor([[1, -1, 0, 2]])
    assert torch.count_nonzero(inputs(None, None, scenarios, asked)) == 0  # type: ignore[arg-type]
    tables = inputs.scenarios, inputs.asked_scenarios
    for table in tables:
        torch.nn.init.normal_(table.weight)  # type: ignore[union-attr]
        with torch.no_grad():
            table.weight[0] = 0  # type: ignore[union-attr]
    of_events, of_requests = (table.weight for table in tables)  # type: ignore[union-attr]
    wanted = torch.stack([of_events[1] + of_requests[2], of_events[2], of_requests[1], torch.zeros(4)])
    torch.testing.assert_close(inputs(None, None, scenarios, asked), wanted[None])  # a place that nobody met adds nothing


def test_content_is_of_items_and_codes_beyond_have_none() -> None:
    content = ItemContent(4, torch.randn(5, 3))
    torch.nn.init.normal_(content.weigh)
    torch.testing.assert_close(content(torch.tensor([[3, 5, 6]]))[0, 0], content()[3])
    assert torch.count_nonzero(content(torch.tensor([5, 6]))) == 0
    assert content().shape == (5, 4)
