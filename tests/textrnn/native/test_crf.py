"""The native kernels of the CRF and the loops of XLA, both held to one row at a time in float64."""

import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support import reference
from textrnn import native
from textrnn.native.crf import crf_backward, crf_forward, crf_viterbi
from textrnn.tasks.tag.crf import FORBIDDEN
from textrnn.tasks.tag.crf_loops import backward_loop, forward_loop, viterbi_loop

needs_library = pytest.mark.skipif(not native.available(), reason="needs the native library")
FUNCTIONS = [
    pytest.param((crf_viterbi, crf_forward, crf_backward), id="native", marks=needs_library),
    pytest.param((viterbi_loop, forward_loop, backward_loop), id="loops"),
]
viterbi: Any = crf_viterbi
forward: Any = crf_forward
LENGTHS = np.array([7, 0, 1, 40, 2, 0, 13, 0])
TOKENS = 70


def problem(tags, scale, lengths=LENGTHS, tokens=TOKENS) -> tuple[Any, Any]:
    """Emissions with garbage at padding, and a chain that forbids a third of the transitions."""
    draw = np.random.default_rng(tags)
    emissions = draw.normal(size=(tokens, tags)) * scale
    emissions[lengths.sum() :] = 1e6
    start, end = draw.normal(size=(2, tags))
    transition = draw.normal(size=(tags, tags))
    if tags > 1:
        transition[draw.random((tags, tags)) < 0.3] = FORBIDDEN
        start[0] = end[-1] = FORBIDDEN
    chain = [np.float32(part) for part in (start, transition, end)]
    return np.float32(emissions), chain


def rows(lengths=LENGTHS):
    ends = np.cumsum(lengths)
    return [
        (row, slice(end - length, end))
        for row, (end, length) in enumerate(zip(ends, lengths, strict=True))
        if length
    ]


@pytest.mark.parametrize("functions", FUNCTIONS)
@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("tags", [1, 3, 16, 17, 33])
def test_each_row_equals_the_reference(functions, tags, scale):
    """Fails if a kernel mixes rows, reads padding, or loses sums that underflow next to larger
    ones, as they do with emissions in the hundreds."""
    emissions, chain = problem(tags, scale)
    viterbi, forward, backward = map(jax.jit, functions)
    path = viterbi(emissions, *chain, LENGTHS)
    prefixes, partition = forward(emissions, *chain, LENGTHS)
    suffixes = backward(emissions, *chain, LENGTHS, partition)
    exact = [np.float64(part) for part in chain]
    tolerance = {"rtol": 1e-6, "atol": 3e-5 * scale}
    for row, tokens in rows():
        sentence = np.float64(emissions[tokens])
        _, expected = reference.best_path(sentence, *exact)
        assert path[tokens].tolist() == expected
        before, after, total = reference.crf_sums(sentence, *exact)
        np.testing.assert_allclose(partition[row], total, **tolerance)
        np.testing.assert_allclose(prefixes[tokens], before, **tolerance)
        np.testing.assert_allclose(suffixes[tokens], after - total, **tolerance)
    assert not path[LENGTHS.sum() :].any()
    assert not prefixes[LENGTHS.sum() :].any()
    assert not suffixes[LENGTHS.sum() :].any()
    assert not partition[LENGTHS == 0].any()


@needs_library
def test_many_rows_are_shared_among_threads():
    """Fails if two threads write to one place, or the call returns before the last of them."""
    # Of few lengths, since a row alone is compiled once for each.
    lengths = np.random.default_rng(0).choice([0, 1, 2, 17, 59], 200)
    emissions, chain = problem(17, 3, lengths, tokens=int(lengths.sum()))
    path = jax.jit(crf_viterbi)(emissions, *chain, lengths)
    prefixes, partition = jax.jit(crf_forward)(emissions, *chain, lengths)
    for row, tokens in rows(lengths):
        alone = np.array([lengths[row]])
        assert np.array_equal(path[tokens], viterbi(emissions[tokens], *chain, alone))
        first, total = forward(emissions[tokens], *chain, alone)
        assert np.array_equal(prefixes[tokens], first)
        assert partition[row] == total[0]


@pytest.mark.parametrize("functions", FUNCTIONS)
def test_of_equally_good_tags_the_first_is_taken(functions):
    """Fails if a machine with another engine could answer differently."""
    flat = [np.zeros((6, 20), np.float32), np.zeros(20), np.zeros((20, 20)), np.zeros(20)]
    path = functions[0](*map(jnp.float32, flat), jnp.array([4, 2]))
    assert not path.any()


@needs_library
@pytest.mark.parametrize("lengths", [[3, -1], [5, 4], [2**31 - 1, 2**31 - 1, 2]])
def test_lengths_that_do_not_fit_are_errors(lengths):
    """Fails if a kernel reads or writes out of bounds."""
    emissions, chain = problem(3, 1, np.array([8]), tokens=8)
    with pytest.raises(Exception, match=r"INVALID_ARGUMENT.*length"):
        jax.block_until_ready(viterbi(emissions, *chain, np.array(lengths)))


@needs_library
def test_chains_of_another_tagset_are_errors():
    emissions, _ = problem(3, 1)
    _, chain = problem(4, 1)
    with pytest.raises(Exception, match=r"INVALID_ARGUMENT.*start has the shape"):
        jax.block_until_ready(forward(emissions, *chain, LENGTHS))


DIGEST = """
import numpy as np
from textrnn.native.crf import crf_backward, crf_forward, crf_viterbi
draw = np.random.default_rng(0)
emissions, transition = (np.float32(draw.normal(size=size)) * 9 for size in ((99, 21), (21, 21)))
problem = emissions, transition[0], transition, transition[1], np.array([40, 1, 58])
forward, partition = crf_forward(*problem)
backward = crf_backward(*problem, partition)
print(*crf_viterbi(*problem))
print(*partition, *np.float64(forward)[:, 3], *np.float64(backward)[:, 4])
"""


@needs_library
def test_instruction_sets_agree():
    """Fails if the lanes of a narrower vector are padded or summed in another way."""

    def run(isa):
        env = os.environ | {"TEXTRNN_ISA": isa}
        command = [sys.executable, "-c", DIGEST]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        path, sums = done.stdout.splitlines()
        return path, np.array(sums.split(), float)

    path, sums = run("baseline")
    for isa in ("avx2", "avx512"):
        other_path, other_sums = run(isa)
        assert other_path == path
        np.testing.assert_allclose(sums, other_sums, rtol=1e-6, atol=1e-4)
