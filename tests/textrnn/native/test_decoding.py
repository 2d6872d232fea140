"""Calls of the native decoding kernels that must fail, and their instruction sets. What they
compute is tested beside the functions that call them."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from textrnn import native
from textrnn.native import decoding

pytestmark = pytest.mark.skipif(not native.available(), reason="needs the native library")

MEMORY, KEYS, QUERIES = jnp.ones((6, 5)), jnp.ones((6, 3)), jnp.ones((4, 3))
OUTPUT, TABLE, BIAS, SPECIAL = jnp.ones((4, 3)), jnp.ones((9, 3)), jnp.ones(9), jnp.ones((4, 4))


@pytest.mark.parametrize(
    ("lengths", "counts"),
    [
        ([7, 0], [1, 1]),
        ([-1, 2], [1, 1]),
        ([2**31 - 1, 2**31 - 1], [1, 1]),
        ([3, 3], [3, 0]),
        ([3, 3], [-1, 1]),
        ([3, 3], [2, 2**31 - 1]),
    ],
)
def test_attention_rejects_impossible_lengths(lengths, counts):
    """Fails if a length from outside makes the kernel read or write out of bounds."""
    lengths, counts = jnp.array(lengths, jnp.int32), jnp.array(counts, jnp.int32)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INVALID_ARGUMENT"):
        jax.block_until_ready(decoding.attention(MEMORY, KEYS, lengths, QUERIES, counts))


@pytest.mark.parametrize("counts", [[5, 0], [-1, 2], [2**31 - 1, 1]])
def test_next_tokens_rejects_impossible_counts(counts):
    with pytest.raises(jax.errors.JaxRuntimeError, match="INVALID_ARGUMENT"):
        jax.block_until_ready(
            decoding.rank_next_tokens(OUTPUT, TABLE, BIAS, SPECIAL, jnp.array(counts, jnp.int32), 2)
        )


def test_arrays_that_do_not_fit_are_rejected():
    """Fails if a kernel trusts the shapes of its callers."""
    lengths, counts = jnp.array([3, 3]), jnp.array([1, 1])
    with pytest.raises(jax.errors.JaxRuntimeError, match="keys has the shape"):
        jax.block_until_ready(decoding.attention(MEMORY, KEYS[:5], lengths, QUERIES, counts))
    with pytest.raises(jax.errors.JaxRuntimeError, match="special has the shape"):
        jax.block_until_ready(
            decoding.rank_next_tokens(OUTPUT, TABLE, BIAS, SPECIAL[:, :3], counts, 2)
        )
    with pytest.raises(jax.errors.JaxRuntimeError, match="too few ids"):
        jax.block_until_ready(decoding.rank_next_tokens(OUTPUT, TABLE, BIAS, SPECIAL, counts, 9))


COMPUTE = """
import jax.numpy as jnp, numpy as np, sys
from textrnn.native import decoding
from textrnn.native.sampling import sample_tokens
draw = np.random.default_rng(0)
array = lambda *shape: jnp.asarray(draw.normal(size=shape), jnp.float32)
results = []
for counts in ([2, 1, 0], [19, 0, 5]):
    counts = jnp.array(counts, jnp.int32)
    lengths = jnp.array([7, 1, 20], jnp.int32)
    memory, keys, queries = array(30, 21), array(30, 35), array(60, 35)
    results += decoding.attention(memory, keys, lengths, queries, counts)
    results += decoding.attention(memory, keys, lengths, queries, counts, array(35))
    table, bias, special = array(111, 35), array(111), array(60, 4)
    results += decoding.rank_next_tokens(queries, table, bias, special, counts, 3)
allowed, state, used = np.ones((1, 37), bool), np.zeros(60, np.int32), np.zeros((60, 37), bool)
runs, seed, position = np.ones(60, bool), np.arange(60, dtype=np.uint32), np.arange(60) * 10**7
options = [np.full(60, x, kind) for x, kind in ((0.8, "f4"), (20, "i4"), (0.9, "f4"), (1, "f4"))]
results += sample_tokens(
    array(60, 37), allowed, state, used, runs, seed, position.astype(np.int32), *options
)
np.savez(sys.argv[1], *results)
"""


def test_all_instruction_sets_agree(tmp_path):
    """Fails if code for one of them assumes the width of another's vectors."""
    results = []
    for isa in ("avx512", "avx2", "baseline"):
        path = tmp_path / f"{isa}.npz"
        command = [sys.executable, "-c", COMPUTE, path]
        subprocess.run(command, env={**os.environ, "TEXTRNN_ISA": isa}, check=True)
        results.append(list(np.load(path).values()))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-4)
