import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support.recurrent_cases import GATES, Case, expected, gradients, random_case, rounded
from textrnn import native
from textrnn.layers.linear import matmul_transposed, weight_gradient
from textrnn.native.recurrent import (
    Weights,
    native_unroll,
    native_unroll_backward,
    native_unroll_saving,
    pack_weights,
)

if not native.available():
    pytest.skip("the native library is not built", allow_module_level=True)

needs_bfloat16 = pytest.mark.skipif(
    not native.multiplies_bfloat16(), reason="this processor does not multiply bfloat16"
)
FAILURE = (ValueError, jax.errors.JaxRuntimeError)
"""What JAX raises for a failed call: the first at once, the second when the result is awaited."""

BOTH = (False, True)
SHAPES = {
    # name: hidden, lengths, reverse
    "one token": (20, [1], (False,)),
    "one row": (5, [22], (True,)),
    "one row, both": (33, [9], BOTH),
    "empty rows": (1, [0, 3, 0, 1, 2, 0], BOTH),
    "all rows empty": (16, [0, 0, 0], BOTH),
    "mixed": (20, [7, 1, 4, 0, 12, 4, 3], BOTH),
    "equal": (64, [5] * 8, (True, True)),
    "many": (33, list(np.random.default_rng(0).geometric(0.2, 70)), (False,)),
    "more than a group": (5, list(np.random.default_rng(1).integers(0, 4, 300)), BOTH),
}
GRADIENT_SHAPES = ("one row", "empty rows", "all rows empty", "mixed", "many")


def case_of(cell, name, seed=0, **settings) -> Case:
    hidden, lengths, reverse = SHAPES[name]
    return random_case(cell, seed, hidden, np.array(lengths), reverse, **settings)


def stored_in_int8(case: Case) -> Case:
    """The case with kernels that a bundle can store in int8: multiples of one scale per column."""

    def rounded(kernel):
        scale = (np.abs(kernel).max(axis=0) / 127).astype(np.float32)
        return np.round(kernel / scale).astype(np.float32) * scale

    return case._replace(weights=[(rounded(w[0]), rounded(w[1]), *w[2:]) for w in case.weights])


def weights_of(case: Case) -> list[Weights]:
    return [Weights(*map(jnp.asarray, weights)) for weights in case.weights]


def in_bfloat16(weights: list[Weights]) -> list[Weights]:
    """The weights with kernels of bfloat16."""
    return [
        w._replace(
            input_kernel=w.input_kernel.astype(jnp.bfloat16),
            recurrent_kernel=w.recurrent_kernel.astype(jnp.bfloat16),
        )
        for w in weights
    ]


def widened(weights: list[Weights]) -> list[Weights]:
    """The weights with kernels of float32."""
    return [
        w._replace(
            input_kernel=w.input_kernel.astype(jnp.float32),
            recurrent_kernel=w.recurrent_kernel.astype(jnp.float32),
        )
        for w in weights
    ]


def run(case: Case, weights):
    return jax.tree.map(
        np.asarray,
        native_unroll(
            case.cell, weights, [jnp.asarray(x) for x in case.x], case.carries,
            jnp.asarray(case.lengths), case.reverse,
        ),
    )  # fmt: skip


def assert_equal(case: Case, found, atol=1e-5):
    outputs, finals = expected(case)
    np.testing.assert_allclose(found[0], outputs, atol=atol)
    for direction, final in zip(found[1], finals, strict=True):
        for a, b in zip(direction, final, strict=True):
            np.testing.assert_allclose(a, b, atol=atol)


def assert_rounded(found, right, exact):
    """`found` equals `right`, whose operands are rounded to bfloat16, and not `exact`.

    A value near the middle between two of bfloat16 may be rounded to either, so that the largest
    differences are some of those that rounding makes, but most are small.
    """
    found = np.asarray(found, float)
    scale = np.abs(exact).max(initial=1)
    np.testing.assert_allclose(found, right, atol=4e-3 * scale)
    assert np.abs(found - right).sum() <= 0.2 * np.abs(exact - right).sum() + 1e-6 * found.size


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("cell", GATES)
def test_equals_the_reference(cell, name):
    """Fails on a wrong formula, order of tokens or carry, if padding is read (it is NaN) or not
    cleared, and if units past the last whole vector are lost."""
    case = case_of(cell, name)
    assert_equal(case, run(case, weights_of(case)))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("cell", GATES)
def test_packed_weights_give_the_same_values(cell, name):
    """Fails if packing puts a column elsewhere than the kernels look for it."""
    case = case_of(cell, name)
    found = run(case, [pack_weights(cell, w) for w in weights_of(case)])
    if case.hidden > 1:  # a column of one value is a multiple of it, so it is packed as bytes
        jax.tree.map(np.testing.assert_array_equal, found, run(case, weights_of(case)))
    assert_equal(case, found)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("cell", GATES)
def test_int8_weights_equal_the_reference(cell, name):
    """Fails if products with bytes are less exact than with floats, or bytes are out of order."""
    case = stored_in_int8(case_of(cell, name))
    packed = [pack_weights(cell, w) for w in weights_of(case)]
    assert (packed[0].recurrent_kernel.bytes is not None) == (native.byte_group() > 0)
    assert_equal(case, run(case, packed))


def test_only_one_of_two_kernels_is_stored_in_int8():
    """Fails if the two matrices of a cell cannot differ in form."""
    case = case_of("lstm", "mixed")
    rounded = stored_in_int8(case)
    for kept in (0, 1):
        weights = [
            (w[0], r[1], *w[2:]) if kept == 0 else (r[0], w[1], *w[2:])
            for w, r in zip(case.weights, rounded.weights, strict=True)
        ]
        half = case._replace(weights=weights)
        assert_equal(half, run(half, [pack_weights("lstm", w) for w in weights_of(half)]))


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_int8_weights_with_inputs_of_any_size(scale):
    """Fails if the integers that stand for a row do not follow its magnitude."""
    case = stored_in_int8(case_of("gru", "mixed"))
    case = case._replace(
        x=[x * scale for x in case.x],
        weights=[(w[0] / np.float32(scale), *w[1:]) for w in case.weights],
    )
    assert_equal(case, run(case, [pack_weights("gru", w) for w in weights_of(case)]))


def test_int8_weights_keep_nan():
    """Fails if a NaN among the inputs becomes a number, which would hide a defect."""
    case = stored_in_int8(case_of("lstm", "mixed", spare=0))
    case.x[0][2, 0] = np.nan
    outputs, _ = run(case, [pack_weights("lstm", w) for w in weights_of(case)])
    assert np.isnan(outputs[2, : case.hidden]).all()
    assert not np.isnan(outputs[case.tokens(1), : case.hidden]).any()


def test_a_row_alone_equals_the_row_in_a_batch():
    """Exactly. Fails if the rows of a block influence each other."""
    case = case_of("lstm", "mixed")
    outputs, _ = run(case, weights_of(case))
    for row in range(len(case.lengths)):
        alone = case._replace(
            x=[x[case.tokens(row)] for x in case.x],
            carries=[tuple(c[row : row + 1] for c in carry) for carry in case.carries],
            lengths=case.lengths[row : row + 1],
        )
        if case.lengths[row]:
            found, _ = run(alone, weights_of(alone))
            np.testing.assert_array_equal(found, outputs[case.tokens(row)])


@needs_bfloat16
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("cell", GATES)
def test_products_with_bfloat16_weights_are_rounded(cell, name):
    """Fails if an operand is not rounded, pairs of values are out of order, or sums are rounded."""
    case = case_of(cell, name)
    found = run(case, in_bfloat16(weights_of(case)))
    right, exact = expected(case, bfloat16=True), expected(case)
    for a, b, c in zip(*map(jax.tree.leaves, (found, right, exact)), strict=True):
        assert_rounded(a, b, c)


@needs_bfloat16
def test_kernels_of_two_types_are_an_error():
    """Fails if a matrix of floats is read as one of bfloat16."""
    case = case_of("lstm", "one row")
    mixed = [w._replace(input_kernel=w.input_kernel.astype("bfloat16")) for w in weights_of(case)]
    with pytest.raises(FAILURE, match="input_kernel and recurrent_kernel differ in element type"):
        run(case, mixed)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "float32") for name in GRADIENT_SHAPES),
        *(pytest.param(name, "bfloat16", marks=needs_bfloat16) for name in ("one row", "mixed")),
    ],
)
@pytest.mark.parametrize("cell", GATES)
def test_gradients_equal_autodiff_in_float64(cell, name, dtype):
    """By the kernels, the biases, x and the initial carry. Fails on a wrong derivative, if padding
    or an empty row contributes, and if operands are not rounded to bfloat16 or sums are."""
    case = case_of(cell, name, seed=1)
    lengths, x = jnp.asarray(case.lengths), [jnp.asarray(np.nan_to_num(a)) for a in case.x]
    random = np.random.default_rng(2)
    d_outputs = random.normal(size=(len(case.x[0]), len(x) * case.hidden)).astype("f")
    d_carries = [
        tuple(random.normal(size=c.shape).astype("f") for c in carry) for carry in case.carries
    ]
    half = dtype == "bfloat16"
    weights = in_bfloat16(weights_of(case)) if half else weights_of(case)
    outputs, finals, saved = native_unroll_saving(
        case.cell, weights, x, case.carries, lengths, case.reverse
    )
    without, finals_without = run(case, weights)
    np.testing.assert_array_equal(outputs, without)
    jax.tree.map(np.testing.assert_array_equal, finals, finals_without)
    kernels = [w.recurrent_kernel for w in weights]
    found = native_unroll_backward(
        case.cell, kernels, saved, outputs, case.carries, lengths, d_outputs, d_carries,
        case.reverse,
    )  # fmt: skip
    exact = gradients(case, d_outputs, d_carries)
    right = gradients(case, d_outputs, d_carries, bfloat16=True) if half else exact
    for d, gradient in enumerate(found):
        d_weights = [
            weight_gradient(x[d], gradient.d_projected, jnp.dtype(dtype)),
            weight_gradient(gradient.previous, gradient.d_recurrent, jnp.dtype(dtype)),
            gradient.d_projected.sum(axis=0),
            gradient.d_recurrent[:, -case.hidden :].sum(axis=0),
        ]
        d_x = matmul_transposed(gradient.d_projected, weights[d].input_kernel)
        # Only a GRU has the last of the weights.
        values = [*d_weights[: len(case.weights[d])], d_x, *gradient.d_carry]
        others = ([*each[0][d], each[1][d], *each[2][d]] for each in (right, exact))
        for a, b, c in zip(values, *others, strict=True):
            if half:
                assert_rounded(a, rounded(b) if a.dtype == jnp.bfloat16 else b, c)
            else:
                np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)
        assert not np.asarray(gradient.previous)[int(case.lengths.sum()) :].any()


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, -1, 2], r"lengths\[1\] is -1, but 7 of 10 are left"),
        ([9, 0, 2], r"lengths\[2\] is 2, but 1 of 10 are left"),
        ([2**31 - 1] * 3, r"lengths\[0\] is 2147483647, but 10 of 10 are left"),
    ],
)
def test_lengths_that_do_not_fit_are_an_error(lengths, message):
    """Fails if the kernels read or write outside of their arrays."""
    case = random_case("lstm", 0, 8, np.array([3, 1, 3]), (False,))
    case = case._replace(lengths=np.array(lengths, np.int32))
    with pytest.raises(FAILURE, match=message):
        run(case, weights_of(case))


def test_arrays_of_wrong_shapes_are_an_error():
    """Fails if the kernels trust the shapes that they are given."""
    case = case_of("gru", "mixed")
    narrow = [w._replace(recurrent_kernel=w.recurrent_kernel[:, 1:]) for w in weights_of(case)]
    with pytest.raises(FAILURE, match=r"recurrent_kernel has the shape \[20, 59\]"):
        run(case, narrow)


def comparable_results() -> list[np.ndarray]:
    """Outputs of all cells with all kinds of weights, on whatever instruction set runs.

    Kernels of bfloat16 are widened, either by the library or, where it would round, here.
    """
    cases = [
        (cell, case)
        for cell in GATES
        for case in (case_of(cell, "mixed"), stored_in_int8(case_of(cell, "one row")))
    ]
    packed = [[pack_weights(cell, w) for w in weights_of(case)] for cell, case in cases]
    half = [in_bfloat16(weights_of(case)) for _, case in cases]
    if native.multiplies_bfloat16():
        half = [widened(weights) for weights in half]
    return [
        run(case, weights)[0]
        for each in (packed, half)
        for (_, case), weights in zip(cases, each, strict=True)
    ]


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512", "avx512vnni"])
def test_instruction_sets_agree(isa, tmp_path):
    """Fails if the code for one instruction set differs, as it would for another vector width."""
    code = (
        "import sys, numpy as np; from textrnn.native.test_recurrent import comparable_results;"
        "np.savez(sys.argv[1], *comparable_results())"
    ).replace("textrnn.native.test_recurrent", "test_recurrent")
    here, tests = (
        os.path.dirname(__file__),
        os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
    )
    path = os.pathsep.join([here, tests, os.environ.get("PYTHONPATH", "")])
    file = tmp_path / "results.npz"
    subprocess.run(
        [sys.executable, "-c", code, file], check=True,
        env=os.environ | {"TEXTRNN_ISA": isa, "PYTHONPATH": path},
    )  # fmt: skip
    with np.load(file) as found:
        for a, b in zip(found.values(), comparable_results(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
