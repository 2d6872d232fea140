"""Conversion of tokens to text, and stop strings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.tasks.generate.capture import Captured, join
from textrnn.tasks.generate.output import GeneratedText, find_stop
from textrnn.text import EOS, PAD, ByteTokenizer, CharTokenizer

CHARS = CharTokenizer(list("abc"))


def captured(log_probabilities):
    """Captured values with these log-probabilities and one cell, which counts tokens."""
    values = np.asarray(log_probabilities, np.float32)
    none = np.zeros((len(values), 0), np.float32)
    return Captured(values, none, none, np.arange(len(values), dtype=np.float32)[:, None])


def written(text, stops, most=1000, sizes=(3,), tokenizer=CHARS):
    """The text generated in windows of these sizes, and its stable part after each."""
    generated, start, stable, turn = GeneratedText(most, stops), 0, [], 0
    ids = tokenizer.encode(text).ids
    while start < len(ids) and not generated.finish_reason:
        size = min(sizes[turn % len(sizes)], most - len(generated.text))
        window = ids[start : start + size]
        generated = generated.append(window, captured(-np.ones(len(window))), False, tokenizer)
        stable.append(generated.text[: generated.stable_length])
        start, turn = start + size, turn + 1
    return generated, stable


def slow_end(text, stops):
    """The reference: the start of the stop string that is complete first, by characters."""
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
    assert find_stop(text, stops) == slow_end(text, stops)


@given(letters, stop_strings, piece_sizes)
def test_window_sizes_do_not_matter(text, stops, sizes):
    """Fails if a stop string across two windows is missed, or if text is streamed that a stop
    string removes later."""
    generated, stable = written(text, stops, sizes=sizes)
    end = slow_end(text, stops)
    assert generated.text == text[:end]
    assert generated.finish_reason == ("" if end is None else "stop")
    for shown in stable:
        assert generated.text.startswith(shown)


def test_nothing_is_held_back_without_reason():
    generated, _ = written("abcab", ["bcc", "abb"])
    assert generated.stable_length == 3
    assert written("abcab", [])[0].stable_length == 5


def test_the_longest_text():
    generated, _ = written("abcabcabc", ["ca"], most=2)
    assert (generated.text, generated.finish_reason) == ("ab", "length")
    generated, _ = written("abcabcabc", ["bc"], most=3)
    assert (generated.text, generated.finish_reason) == ("a", "stop")


def test_eos_ends_the_text():
    tokens = np.array([4, 5, EOS, PAD])
    generated = GeneratedText(10, []).append(tokens, captured([-1, -2, -3, 0]), True, CHARS)
    assert (generated.text, generated.finish_reason) == ("ab", "stop")
    assert join(generated.captured).log_probability.tolist() == [-1, -2]


def test_text_after_a_stop_string_is_recorded_as_removed():
    """Both in one window. Fails if the state is treated as that of the text."""
    tokens = np.append(CHARS.encode("abcc").ids, EOS)
    generated = GeneratedText(10, ["bc"]).append(tokens, captured(-np.ones(5)), True, CHARS)
    assert (generated.text, generated.finish_reason, generated.stopped) == ("a", "stop", True)
    generated = GeneratedText(10, ["x"]).append(tokens, captured(-np.ones(5)), True, CHARS)
    assert (generated.text, generated.finish_reason, generated.stopped) == ("abcc", "stop", False)


@given(st.text("aé€𝄞", min_size=1, max_size=20), piece_sizes)
def test_incomplete_characters_are_held_back(text, sizes):
    generated, stable = written(text, [], sizes=sizes, tokenizer=ByteTokenizer())
    assert generated.text == text
    assert not generated.incomplete
    assert all("\ufffd" not in shown for shown in stable)
    per_character = join(generated.captured).log_probability
    assert per_character.tolist() == [-len(char.encode()) for char in text]


def test_a_character_has_the_activations_of_its_first_byte():
    ids = ByteTokenizer().encode("aé€b").ids
    generated = GeneratedText(10, []).append(ids, captured(-np.ones(7)), False, ByteTokenizer())
    assert join(generated.captured).activation[:, 0].tolist() == [0, 1, 3, 6]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_bytes_end_at_the_character(most):
    generated, _ = written("€€€€", [], most=most, tokenizer=ByteTokenizer())
    assert (generated.text, generated.finish_reason) == ("€" * most, "length")
