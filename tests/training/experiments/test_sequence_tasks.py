"""The tasks: what is shown, what is asked for, and that the answer is right."""

import itertools
import re

import numpy as np
import pytest

from training.experiments.context_free import (
    counted,
    dyck,
    modular_arithmetic,
    reverse_string,
    solve_equation,
    stack_manipulation,
)
from training.experiments.context_sensitive import (
    binary_addition,
    bucket_sort,
    compute_sqrt,
    duplicate_string,
    missing_duplicate,
    odds_first,
)
from training.experiments.memory import (
    associative_recall,
    copying,
    flip_flop,
    long_gap,
    repeat_copy,
)
from training.experiments.numbers import adding, mackey_glass, sines
from training.experiments.regular import (
    cycle_navigation,
    even_pairs,
    modular_arithmetic_simple,
    parity_check,
    tomita,
)
from training.experiments.sequences import batch_of
from training.experiments.tasks import SEQUENCE_TASKS


def drawn(make, size=12, count=60):
    random = np.random.default_rng(0)
    return [make(random, size) for _ in range(count)]


@pytest.mark.parametrize("name", SEQUENCE_TASKS)
def test_sequences_have_the_shapes_that_the_task_says(name):
    task, random = SEQUENCE_TASKS[name], np.random.default_rng(0)
    series = [task.make(random, size) for size in (2, 5, 9)]
    for size, each in zip((2, 5, 9), series, strict=True):
        assert each.x.shape == (len(each.y), task.inputs)
        assert len(each.x) == len(each.mask) <= task.longest(size)
        assert each.y.shape[1:] == (() if task.kind == "classes" else (task.outputs,))
        assert task.kind != "classes" or set(each.y) <= set(range(task.outputs))
    batch = batch_of(series, 300)
    assert batch.lengths.tolist() == [len(each.x) for each in series]
    start = batch.lengths[0]
    np.testing.assert_allclose(batch.x[start : start + batch.lengths[1]], series[1].x, rtol=1e-6)
    assert not batch.mask[batch.lengths.sum() :].any()


def test_the_sum_of_the_marked_numbers():
    for series in drawn(adding):
        values, marks = series.x.T
        assert marks.sum() == 2
        assert marks[:6].sum() == 1
        assert series.y[-1, 0] == pytest.approx((values * marks).sum())
        assert series.mask.tolist() == [False] * 11 + [True]


def test_mackey_glass_obeys_its_equation():
    """By central differences of a fine series. Fails on a wrong delay or coefficient."""
    (series,) = drawn(mackey_glass, 1000, 1)
    x = series.x[:, 0]
    np.testing.assert_array_equal(series.x[1:], series.y[:-1])
    slope = (x[18:-1] - x[16:-3])[1:] / 2
    delayed, now = x[1:-19], x[18:-2]
    expected = 0.2 * delayed / (1 + delayed**10) - 0.1 * now
    assert np.corrcoef(slope, expected)[0, 1] > 0.99
    assert 0.2 < x.min() < 0.5 < 1.1 < x.max() < 1.5


def test_the_languages_of_tomita():
    """Every string of up to 8 symbols. Fails if a definition accepts another language."""
    expected = {
        1: lambda s: "0" not in s,
        2: lambda s: s == "10" * (len(s) // 2),
        3: lambda s: all(
            len(ones) % 2 == 0 or len(zeros) % 2 == 0
            for ones, zeros in re.findall(r"(?<!1)(1+)(0+)(?!0)", s)
        ),
        4: lambda s: "000" not in s,
        5: lambda s: s.count("0") % 2 == 0 and s.count("1") % 2 == 0,
        6: lambda s: (s.count("0") - s.count("1")) % 3 == 0,
        7: lambda s: len([bit for bit, _ in itertools.groupby(s)]) <= (4 if s[0] == "0" else 3),
    }
    for grammar, accepts in expected.items():
        labels = []
        for series in drawn(tomita(grammar), 15):
            text = "".join(str(bit) for bit in series.x.argmax(axis=1))
            assert series.y.tolist() == [accepts(text[: end + 1]) for end in range(len(text))]
            labels += series.y.tolist()
        assert 0.05 < np.mean(labels) < 0.95, "both answers occur"


def test_after_the_first_b_everything_is_known():
    (series,) = drawn(counted, 3, 1)
    assert series.x.argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1]
    assert series.y[series.mask].tolist() == [1, 1, 2]


def test_brackets_close_in_the_order_of_a_stack():
    for series in drawn(dyck):
        text = "".join("([)]"[kind] for kind in series.x.argmax(axis=1))
        for end, kind in enumerate(series.y):
            rest = text[: end + 1]
            while (shorter := rest.replace("()", "").replace("[]", "")) != rest:
                rest = shorter
            assert kind == (1 + "([".index(rest[-1]) if rest else 0)
        assert series.y[-1] == 0


def test_a_read_gives_the_bit_written_last():
    for series in drawn(flip_flop):
        stored = None
        for x, y, counts in zip(series.x, series.y, series.mask, strict=True):
            instruction, bit = x[:3].argmax(), x[3:].argmax()
            if instruction == 0:
                stored = bit
            if counts:
                assert (instruction, y) == (2, stored)
                assert bit == 0


def test_a_copy_follows_the_mark():
    for series in drawn(copying, 4, 3):
        np.testing.assert_array_equal(series.x[:4, :8], series.y[5:])
        assert series.x[4].tolist() == [0] * 8 + [1]
        assert not series.x[5:].any()
        assert series.mask.tolist() == [False] * 5 + [True] * 4


def test_a_repeated_copy_ends_after_the_number_asked_for():
    for series in drawn(repeat_copy, 3, 20):
        repeats = round(10 * series.x[3, 9])
        assert series.x[3].tolist() == [0] * 8 + [1, repeats / 10]
        assert series.mask.tolist() == [False] * 4 + [True] * (3 * repeats + 1)
        answer = series.y[series.mask]
        for copy in range(repeats):
            np.testing.assert_array_equal(answer[3 * copy : 3 * copy + 3, :8], series.x[:3, :8])
        assert answer[:, 8].tolist() == [0] * 3 * repeats + [1]
        assert not series.x[4:].any()


def test_the_item_after_the_one_that_is_asked_for():
    for series in drawn(associative_recall, 4, 20):
        starts, asks = np.flatnonzero(series.x[:, 6]), np.flatnonzero(series.x[:, 7])
        assert starts.tolist() == [0, 4, 8, 12]
        assert asks.tolist() == [16, 20]
        items = [series.x[start + 1 : start + 4, :6].tolist() for start in (*starts, 16)]
        assert series.mask.tolist() == [False] * 21 + [True] * 3
        answers = [items[i + 1] for i in range(3) if items[i] == items[4]]
        assert series.y[21:].tolist() in answers


def test_a_gap_is_predictable():
    for series in drawn(long_gap, 20, 5):
        first, *gap, mark = series.x.argmax(axis=1)
        assert gap == [2 + step % 8 for step in range(20)]
        assert (mark, series.y[-1]) == (10, first)
        assert series.mask.tolist() == [False] * 21 + [True]


def test_a_slow_wave_and_a_fast_one():
    """By their spectrum: the fast one, with a sideband of the slow one on either side."""
    (series,) = drawn(sines, 1000, 1)
    np.testing.assert_array_equal(series.x[1:], series.y[:-1])
    spectrum = np.abs(np.fft.rfft(series.x[:, 0]))
    assert sorted(np.argsort(spectrum)[-3:]) == [90, 100, 110]


def value(expression):
    """Of Python, modulo 5."""
    return eval(expression) % 5


def from_end(bits):
    return int(bits[::-1], 2)


def after_actions(text):
    stack = ""
    for symbol in text:
        stack = {"p": stack[:-1], "A": stack + "0", "B": stack + "1"}.get(symbol, stack + symbol)
    return stack[::-1] + "."


def added(text):
    first, second = text.split("+")
    total = from_end(first) + from_end(second)
    return f"{total:0{max(len(first), len(second)) + 1}b}"[::-1]


def hidden(text):
    half = len(text) // 2
    return (text[half:] + text[:half])[text.index("?")]


def root(text):
    return f"{int(int(text, 2) ** 0.5):0{(len(text) + 1) // 2}b}"


ANSWERS = [
    (even_pairs, "01", lambda s: (s.count("01") + len(re.findall("10", s))) % 2),
    (parity_check, "01", lambda s: s.count("1") % 2),
    (cycle_navigation, "0+-", lambda s: (s.count("+") - s.count("-")) % 5),
    (modular_arithmetic_simple, "01234+-*", value),
    (modular_arithmetic, "01234+-*()", value),
    (reverse_string, "01", lambda s: s[::-1]),
    (stack_manipulation, "01pAB", after_actions),
    (duplicate_string, "01", lambda s: s + s),
    (missing_duplicate, "01?", hidden),
    (odds_first, "01", lambda s: s[::2] + s[1::2]),
    (binary_addition, "01+", added),
    (compute_sqrt, "01", root),
    (bucket_sort, "01234", lambda s: "".join(sorted(s))),
]


@pytest.mark.parametrize(
    ("make", "alphabet", "answer"), ANSWERS, ids=[make.__name__ for make, *_ in ANSWERS]
)
def test_the_answer_to_a_question(make, alphabet, answer):
    """The symbols, the marks after them, and the answer. Fails if it is another one."""
    answers = set()
    for size in (1, 2, 3, 4, 12, 13):
        for series in drawn(make, size, 20):
            symbols = series.x.argmax(axis=1)
            assert (symbols[series.mask] == len(alphabet)).all()
            text = "".join(alphabet[symbol] for symbol in symbols[~series.mask])
            found = "".join("01234"[y] for y in series.y[series.mask])
            expected = str(answer(text)).replace(".", "2")
            assert found == expected, text
            answers.add(found)
    assert len(answers) > 1


def test_the_solution_of_an_equation():
    """It is the only one. Fails if another number solves it, or this one does not."""
    for series in drawn(solve_equation, 14):
        symbols = series.x.argmax(axis=1)
        text = "".join("01234+-()x="[symbol] for symbol in symbols[:-1])
        left, right = text.split("=")
        solved = [x for x in range(5) if value(left.replace("x", str(x))) == int(right)]
        assert solved == [series.y[-1]]
        assert len(text) == 14
