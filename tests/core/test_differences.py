from penchant.core.differences import differences


def test_differences_names_what_came_and_what_went() -> None:
    assert differences({"a": 1, "b": {"c": 2}}, {"b": {"c": 3}, "d": 4}) == ["a: 1 → None", "b.c: 2 → 3", "d: None → 4"]
