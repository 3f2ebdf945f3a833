import pytest

from penchant.stores.words import MAX_QUERY_WORDS, fold, query, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Toy Story (1995)", ["toy", "story", "1995"]),
        ("don't snake_case C++", ["don", "t", "snake", "case", "c"]),
        ("ＮＦＫＣ ﬁne Ⅻ", ["nfkc", "fine", "xii"]),
        ("Ærø Łódź đ ı İ", ["aero", "lodz", "d", "i", "i"]),
        ("看电影", ["看", "电", "影", "看电", "电影"]),
        ("iPhone手机15", ["iphone", "手", "机", "手机", "15"]),
        ("が", ["が"]),
        ("☕🍕x", ["☕", "🍕", "x"]),
        ("𠜎𠜱", ["𠜎", "𠜱", "𠜎𠜱"]),
        ("हिन्दी", ["हिन्दी"]),
        ("", []),
        ("\0 \ud800 --- ''", []),
    ],
)
def test_text_becomes_the_words_it_is_found_by(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("star w", ['"star"', '"w"*']),
        ("star wars ", ['"star"', '"wars"']),
        ("看电影", ['"看电"', '"电影"']),
        ("看", ['"看"']),
        ("star star", ['"star"', '"star"*']),
        ('a" OR b*', ['"a"', '"or"', '"b"']),
        ("pizza 🍕", ['"pizza"', '"🍕"']),
    ],
)
def test_a_query_quotes_every_word_and_leaves_the_last_one_open(text: str, terms: list[str]) -> None:
    assert query(text) == terms


def test_composed_and_decomposed_text_fold_alike() -> None:
    assert fold("Am\u00e9lie") == fold("Ame\u0301lie") == "amelie"


def test_a_long_query_is_cut() -> None:
    assert len(query(" ".join(map(str, range(10_000))))) <= MAX_QUERY_WORDS
    assert len(query("".join(chr(0x4E00 + n) for n in range(900)))) <= MAX_QUERY_WORDS
