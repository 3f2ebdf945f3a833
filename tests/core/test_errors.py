"""What errors tell."""

from penchant.core.errors import MissingExtraError


def test_what_is_missing_is_installed_from_the_index_or_from_a_copy() -> None:
    text = str(MissingExtraError("penchant tune", "tune"))
    assert "pip install 'penchant[tune]'" in text and "pip install '.[tune]'" in text
