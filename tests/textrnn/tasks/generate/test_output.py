"""Tokens that become text, and strings that end it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.tasks.generate.capture import Captured, join
from textrnn.tasks.generate.output import GeneratedText, end_of
from textrnn.text import EOS, PAD, ByteTokenizer, CharTokenizer

CHARS = CharTokenizer(list("abc"))


def seen(likelihoods):
    """Beside each likelihood a cell that counts tokens."""
    likelihoods = np.asarray(likelihoods, np.float32)
    none = np.zeros((len(likelihoods), 0), np.float32)
    return Captured(likelihoods, none, none, np.arange(len(likelihoods), dtype=np.float32)[:, None])


def written(text, stops, most=1000, sizes=(3,), tokenizer=CHARS):
    """The draft after the text has come in pieces of these sizes, and what was settled then."""
    draft, start, settled, turn = GeneratedText(most, stops), 0, [], 0
    ids = tokenizer.encode(text).ids
    while start < len(ids) and not draft.finish_reason:
        size = min(sizes[turn % len(sizes)], most - len(draft.text))
        piece = ids[start : start + size]
        draft = draft.longer(piece, seen(-np.ones(len(piece))), False, tokenizer)
        settled.append(draft.text[: draft.settled])
        start, turn = start + size, turn + 1
    return draft, settled


def slow_end(text, stops):
    """Character by character: where is the text when a stop string is first complete?"""
    for end in range(1, len(text) + 1):
        hit = [stop for stop in stops if text[:end].endswith(stop)]
        if hit:
            return end - max(map(len, hit))
    return None


letters = st.text("abc", min_size=1, max_size=60)
stop_strings = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3)
piece_sizes = st.lists(st.integers(1, 7), min_size=1, max_size=5)


@given(letters, stop_strings)
def test_end_is_where_a_stop_string_is_complete_first(text, stops):
    assert end_of(text, stops) == slow_end(text, stops)


@given(letters, stop_strings, piece_sizes)
def test_pieces_do_not_matter(text, stops, sizes):
    """Fails if a stop string that lies across two pieces is missed, or something is shown that a
    stop string takes away later."""
    draft, settled = written(text, stops, sizes=sizes)
    end = slow_end(text, stops)
    assert draft.text == text[:end]
    assert draft.finish_reason == ("" if end is None else "stop")
    for shown in settled:
        assert draft.text.startswith(shown)


def test_nothing_is_held_back_without_reason():
    draft, _ = written("abcab", ["bcc", "abb"])
    assert draft.settled == 3
    assert written("abcab", [])[0].settled == 5


def test_the_longest_text():
    draft, _ = written("abcabcabc", ["ca"], most=2)
    assert (draft.text, draft.finish_reason) == ("ab", "length")
    draft, _ = written("abcabcabc", ["bc"], most=3)
    assert (draft.text, draft.finish_reason) == ("a", "stop")


def test_the_model_may_say_that_it_is_over():
    tokens = np.array([4, 5, EOS, PAD])
    draft = GeneratedText(10, []).longer(tokens, seen([-1, -2, -3, 0]), True, CHARS)
    assert (draft.text, draft.finish_reason) == ("ab", "stop")
    assert join(draft.seen).log_probability.tolist() == [-1, -2]


def test_a_stop_string_before_the_end_of_a_text_is_known_to_have_cut_it():
    """Both in one piece. Fails if the state were taken to be that of the text."""
    tokens = np.append(CHARS.encode("abcc").ids, EOS)
    draft = GeneratedText(10, ["bc"]).longer(tokens, seen(-np.ones(5)), True, CHARS)
    assert (draft.text, draft.finish_reason, draft.stopped) == ("a", "stop", True)
    draft = GeneratedText(10, ["x"]).longer(tokens, seen(-np.ones(5)), True, CHARS)
    assert (draft.text, draft.finish_reason, draft.stopped) == ("abcc", "stop", False)


@given(st.text("aé€𝄞", min_size=1, max_size=20), piece_sizes)
def test_bytes_become_characters_when_they_are_whole(text, sizes):
    draft, settled = written(text, [], sizes=sizes, tokenizer=ByteTokenizer())
    assert draft.text == text
    assert not draft.pending
    assert all("\ufffd" not in shown for shown in settled)
    per_character = join(draft.seen).log_probability
    assert per_character.tolist() == [-len(char.encode()) for char in text]


def test_a_character_of_several_bytes_has_the_cells_of_its_first():
    ids = ByteTokenizer().encode("aé€b").ids
    draft = GeneratedText(10, []).longer(ids, seen(-np.ones(7)), False, ByteTokenizer())
    assert join(draft.seen).activation[:, 0].tolist() == [0, 1, 3, 6]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_bytes_end_at_the_character(most):
    draft, _ = written("€€€€", [], most=most, tokenizer=ByteTokenizer())
    assert (draft.text, draft.finish_reason) == ("€" * most, "length")
