from hypothesis import given
from hypothesis import strategies as st

from textrnn.text.casing import CASINGS, _any_name, casing


@given(st.text("aBcDé1-'", min_size=1, max_size=8))
def test_the_fast_path_equals_the_full_rule(word):
    assert CASINGS[casing(word)] == _any_name(word)


def test_by_hand():
    names = {
        "a": "lower", "A": "initial", "Rome": "title", "USA": "upper", "iPhone": "mixed",
        "McDonald": "mixed", "1990": "number", "mp3": "digits", "--": "symbol", "Éva": "title",
        "AT&T": "upper", "O'Neil": "mixed", "\u5317": "lower", "\u0661": "number",
    }  # fmt: skip
    assert {word: CASINGS[casing(word)] for word in names} == names
