"""Bidirectional LSTMs: forward, and forward and backward, with the same weights in each library.

Peers are PyTorch's nn.LSTM in float32 and bfloat16, on padded and on packed sequences, and ONNX
Runtime's LSTM and DynamicQuantizeLSTM. The runs called int8 have weights that a bundle can store in
int8; DynamicQuantizeLSTM rounds the inputs and states to 8 bits as well. The runs called bf16
multiply in bfloat16: ours with weights that are packed at each call, as in training. For each run,
the largest difference from PyTorch in float32 with the same weights is printed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from benchmarks.timing import side_by_side, table, time_blocks
from textrnn import native
from textrnn.layers.linear import matmul_transposed, weight_gradient
from textrnn.native.recurrent import (
    Packed,
    Weights,
    native_unroll,
    native_unroll_backward,
    native_unroll_saving,
    pack_weights,
)
from training.speed import matmul_flops_per_second

SIZES = [(192, 320), (128, 256)]
CASES = {
    "1 x 22": [22],
    "8 x 22": [22] * 8,
    "64 x 64": [64] * 64,
    "128 x 64": [64] * 128,
    "8 of 7 to 32": [7, 10, 14, 17, 21, 25, 28, 32],
    "64, geometric": np.random.default_rng(0).geometric(1 / 25, 64).clip(max=256).tolist(),
}
TRAINING_CASES = ("64 x 64", "64, geometric")
FIRST_CALL_CASE = "1 x 22"
FLOAT32_PEERS = ("PyTorch", "PyTorch packed", "ONNX Runtime")
REVERSE = (False, True)
Run = Callable[[], Any]


class Kernel(NamedTuple):
    """The matrices of one direction, with gates in the order i, f, g, o. The biases are zero."""

    input: np.ndarray
    recurrent: np.ndarray


class Batch(NamedTuple):
    lengths: list[int]
    ragged: np.ndarray
    """[tokens, inputs]"""
    padded: np.ndarray
    """[time, rows, inputs]"""


def main() -> None:
    print(native.description())
    for inputs, hidden in SIZES:
        kernels = [random_kernel(seed, inputs, hidden) for seed in (0, 1)]
        batches = {name: random_batch(lengths, inputs) for name, lengths in CASES.items()}
        forward(kernels, batches)
        forward_and_backward(kernels, {name: batches[name] for name in TRAINING_CASES})


def forward(kernels: list[Kernel], batches: dict[str, Batch]) -> None:
    inputs, hidden = kernels[0].input.shape[0], kernels[0].recurrent.shape[0]
    stored = [Kernel(*map(rounded_to_int8, kernel)) for kernel in kernels]
    peak = matmul_flops_per_second()
    rows, differences = [], {}
    for name, batch in batches.items():
        single, half = torch_lstm(kernels), torch_lstm(kernels).bfloat16()
        x, x_half = torch.from_numpy(batch.padded), torch.from_numpy(batch.padded).bfloat16()
        runs: dict[str, Run] = {
            "textrnn": textrnn_forward(packed(kernels), batch),
            "textrnn int8": textrnn_forward(packed(stored), batch),
            "textrnn bf16": textrnn_forward(in_bfloat16(weights_of(kernels)), batch),
            "PyTorch": lambda n=single, x=x: torch_padded(n, x),
            "PyTorch packed": lambda n=single, x=x, b=batch: torch_packed(n, x, b),
            "PyTorch bf16": lambda n=half, x=x_half: torch_padded(n, x),
            "PyTorch bf16 packed": lambda n=half, x=x_half, b=batch: torch_packed(n, x, b),
            "ONNX Runtime": onnx_forward(lstm_graph(kernels), batch),
            "ONNX Runtime int8": onnx_forward(quantized_lstm_graph(stored), batch),
        }
        exact = {
            "": to_ragged(runs["PyTorch packed"](), batch),
            "int8": to_ragged(torch_packed(torch_lstm(stored), x, batch), batch),
        }
        for label, run in runs.items():
            right = exact["int8" if label.endswith("int8") else ""]
            if label in ("PyTorch", "PyTorch bf16") and len(set(batch.lengths)) > 1:
                continue  # the reverse direction starts in the padding
            difference = float(np.abs(to_ragged(run(), batch) - right).max())
            differences[label] = max(difference, differences.get(label, 0))
        times = time_blocks(runs)
        tokens = sum(batch.lengths)
        flops = 2 * tokens * 2 * 4 * hidden * (inputs + hidden)
        rows.append(_row(name, {label: t.repeated for label, t in times.items()}, flops, peak))
        if name == FIRST_CALL_CASE:
            first = {label: t.first for label, t in times.items()}
            rows.append(_row(f"{name}, first call after a rest", first, flops, peak))
    head = ["rows x steps", *(f"{label} ms" for label in differences), "float32 peers / textrnn",
            "all peers / textrnn", "bf16 PyTorch / textrnn bf16", "float32 GFLOP/s",
            "of the matmul peak"]  # fmt: skip
    table(
        f"BiLSTM {inputs} -> {hidden}, forward (matmul peak {peak / 1e9:.0f} GFLOP/s)", head, rows
    )
    print("Largest difference:", ", ".join(f"{n} {d:.0e}" for n, d in differences.items()))


def _row(name: str, seconds: dict[str, float], flops: int, peak: float) -> list[object]:
    ours = min(seconds["textrnn"], seconds["textrnn int8"])
    rate = flops / seconds["textrnn"]
    return [
        name, *(s * 1e3 for s in seconds.values()),
        f"{min(seconds[peer] for peer in FLOAT32_PEERS) / ours:.2f}",
        f"{min(s for n, s in seconds.items() if not n.startswith('textrnn')) / ours:.2f}",
        bfloat16_ratio(seconds),
        rate / 1e9, f"{rate / peak:.0%}",
    ]  # fmt: skip


def forward_and_backward(kernels: list[Kernel], batches: dict[str, Batch]) -> None:
    inputs, hidden = kernels[0].input.shape[0], kernels[0].recurrent.shape[0]
    rows, seconds = [], {}
    for name, batch in batches.items():
        single, half = torch_lstm(kernels), torch_lstm(kernels).bfloat16()
        runs: dict[str, Run] = {
            "textrnn": textrnn_gradient(weights_of(kernels), batch),
            "textrnn bf16": textrnn_gradient(in_bfloat16(weights_of(kernels)), batch),
            "PyTorch": lambda n=single, b=batch: torch_gradient(n, b, torch_padded_outputs),
            "PyTorch packed": lambda n=single, b=batch: torch_gradient(n, b, torch_packed_outputs),
            "PyTorch bf16": lambda n=half, b=batch: torch_gradient(n, b, torch_padded_outputs),
            "PyTorch bf16 packed": lambda n=half, b=batch: torch_gradient(
                n, b, torch_packed_outputs
            ),
        }
        exact = runs["PyTorch packed"]()
        for label, tolerance in (("textrnn", 1e-3), ("textrnn bf16", 3e-2)):
            assert np.abs(runs[label]() - exact).max() < tolerance * np.abs(exact).max(), label
        seconds = side_by_side(runs, rounds=7)
        others = (seconds["PyTorch"], seconds["PyTorch packed"])
        rows.append([
            name, *(s * 1e3 for s in seconds.values()),
            f"{min(others) / seconds['textrnn']:.2f}", bfloat16_ratio(seconds),
        ])  # fmt: skip
    head = ["rows x steps", *(f"{label} ms" for label in seconds), "PyTorch / textrnn",
            "bf16 PyTorch / textrnn bf16"]  # fmt: skip
    table(f"BiLSTM {inputs} -> {hidden}, forward and backward", head, rows)


def bfloat16_ratio(seconds: dict[str, float]) -> str:
    peers = [s for label, s in seconds.items() if label.startswith("PyTorch bf16")]
    return f"{min(peers) / seconds['textrnn bf16']:.2f}"


def random_kernel(seed: int, inputs: int, hidden: int) -> Kernel:
    random = np.random.default_rng(seed)
    shapes = ((inputs, 4 * hidden), (hidden, 4 * hidden))
    return Kernel(*((random.normal(size=s) * s[0] ** -0.5).astype(np.float32) for s in shapes))


def rounded_to_int8(kernel: np.ndarray) -> np.ndarray:
    scale = (np.abs(kernel).max(axis=0) / 127).astype(np.float32)
    return np.round(kernel / scale).astype(np.float32) * scale


def random_batch(lengths: list[int], inputs: int) -> Batch:
    random = np.random.default_rng(len(lengths))
    padded = random.normal(size=(max(lengths), len(lengths), inputs)).astype(np.float32)
    return Batch(lengths, to_ragged(padded, Batch(lengths, padded, padded)), padded)


def to_ragged(padded: np.ndarray, batch: Batch) -> np.ndarray:
    """[time, rows, features] as [tokens, features], and [tokens, features] as it is."""
    if padded.ndim == 2:
        return padded
    return np.concatenate([padded[:n, row] for row, n in enumerate(batch.lengths)])


def weights_of(kernels: list[Kernel]) -> list[Weights]:
    zeros = jnp.zeros(kernels[0].input.shape[1])
    return [Weights(jnp.asarray(k.input), jnp.asarray(k.recurrent), zeros) for k in kernels]


def in_bfloat16(weights: list[Weights]) -> list[Weights]:
    """The weights with kernels of bfloat16."""
    return [
        w._replace(
            input_kernel=w.input_kernel.astype(jnp.bfloat16),
            recurrent_kernel=w.recurrent_kernel.astype(jnp.bfloat16),
        )
        for w in weights
    ]


def packed(kernels: list[Kernel]) -> list[Packed]:
    return [pack_weights("lstm", weights) for weights in weights_of(kernels)]


def zero_carries(
    weights: list[Weights] | list[Packed], batch: Batch
) -> list[tuple[jax.Array, ...]]:
    zeros = jnp.zeros((len(batch.lengths), weights[0].bias.size // 4))
    return [(zeros, zeros) for _ in weights]


def textrnn_forward(weights: list[Weights] | list[Packed], batch: Batch) -> Run:
    carries, lengths = zero_carries(weights, batch), jnp.asarray(batch.lengths, jnp.int32)
    x = jnp.asarray(batch.ragged)

    @jax.jit
    def run(weights, x, lengths):
        return native_unroll("lstm", weights, [x, x], carries, lengths, REVERSE)[0]

    return lambda: np.asarray(run(weights, x, lengths))


def textrnn_gradient(weights: list[Weights], batch: Batch) -> Run:
    """The gradient of the sum of squared outputs by all weights and x, as in training."""
    carries, lengths = zero_carries(weights, batch), jnp.asarray(batch.lengths, jnp.int32)
    dtype, x = weights[0].input_kernel.dtype, jnp.asarray(batch.ragged)

    @jax.jit
    def run(weights, x, lengths):
        arguments = ([x, x], carries, lengths, REVERSE)
        outputs, _, saved = native_unroll_saving("lstm", weights, *arguments)
        recurrent = [w.recurrent_kernel for w in weights]
        gradients = native_unroll_backward(
            "lstm", recurrent, saved, outputs, carries, lengths, 2 * outputs, carries, REVERSE
        )
        d_weights = [
            (
                weight_gradient(x, g.d_projected, dtype),
                weight_gradient(g.previous, g.d_recurrent, dtype),
                g.d_projected.sum(axis=0),
            )
            for g in gradients
        ]
        products = [
            matmul_transposed(g.d_projected, w.input_kernel)
            for g, w in zip(gradients, weights, strict=True)
        ]
        return d_weights, products[0] + products[1]

    return lambda: np.asarray(jax.block_until_ready(run(weights, x, lengths))[0][0][1], np.float32)


def torch_lstm(kernels: list[Kernel]) -> torch.nn.LSTM:
    """PyTorch orders the gates as textrnn does."""
    hidden = kernels[0].recurrent.shape[0]
    network = torch.nn.LSTM(kernels[0].input.shape[0], hidden, bidirectional=True)
    state = {}
    for kernel, suffix in zip(kernels, ("", "_reverse"), strict=True):
        state[f"weight_ih_l0{suffix}"] = torch.from_numpy(kernel.input.T.copy())
        state[f"weight_hh_l0{suffix}"] = torch.from_numpy(kernel.recurrent.T.copy())
        state[f"bias_ih_l0{suffix}"] = state[f"bias_hh_l0{suffix}"] = torch.zeros(4 * hidden)
    network.load_state_dict(state)
    return network


def torch_padded_outputs(network: torch.nn.LSTM, x: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Outputs of the reverse direction start in the padding, if there is any."""
    return network(x)[0]


def torch_packed_outputs(network: torch.nn.LSTM, x: torch.Tensor, batch: Batch) -> torch.Tensor:
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(batch.lengths), enforce_sorted=False
    )
    return torch.nn.utils.rnn.pad_packed_sequence(network(packed)[0])[0]


@torch.inference_mode()
def torch_padded(network: torch.nn.LSTM, x: torch.Tensor) -> np.ndarray:
    return network(x)[0].float().numpy()


@torch.inference_mode()
def torch_packed(network: torch.nn.LSTM, x: torch.Tensor, batch: Batch) -> np.ndarray:
    return torch_packed_outputs(network, x, batch).float().numpy()


def torch_gradient(
    network: torch.nn.LSTM,
    batch: Batch,
    outputs: Callable[[torch.nn.LSTM, torch.Tensor, Batch], torch.Tensor],
) -> np.ndarray:
    """As `textrnn_gradient`; the gradient of one recurrent kernel is returned."""
    network.zero_grad()
    dtype = next(network.parameters()).dtype
    x = torch.from_numpy(batch.padded).to(dtype).requires_grad_()
    (outputs(network, x, batch) ** 2).sum().backward()
    gradient: Any = network.weight_hh_l0.grad
    return gradient.T.float().numpy()


def onnx_forward(node_and_constants: tuple[Any, dict[str, np.ndarray]], batch: Batch) -> Run:
    node, constants = node_and_constants
    shape, lengths = ["time", "rows", batch.padded.shape[2]], np.array(batch.lengths, np.int32)
    graph = helper.make_graph(
        [node], "bilstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape),
         helper.make_tensor_value_info("L", TensorProto.INT32, ["rows"])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["time", 2, "rows", "hidden"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    versions = [helper.make_opsetid("", 14), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def run() -> np.ndarray:
        y = np.asarray(session.run(None, {"X": batch.padded, "L": lengths})[0])
        return np.concatenate([y[:, 0], y[:, 1]], axis=-1)

    return run


def onnx_order(array: np.ndarray) -> np.ndarray:
    """ONNX orders the gates i, o, f, c."""
    i, f, g, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, o, f, g], axis=-1)


def lstm_graph(kernels: list[Kernel]) -> tuple[Any, dict[str, np.ndarray]]:
    hidden = kernels[0].recurrent.shape[0]
    node = helper.make_node(
        "LSTM", ["X", "W", "R", "", "L"], ["Y"], hidden_size=hidden, direction="bidirectional"
    )
    return node, {
        "W": np.stack([onnx_order(kernel.input).T for kernel in kernels]),
        "R": np.stack([onnx_order(kernel.recurrent).T for kernel in kernels]),
    }


def quantized_lstm_graph(kernels: list[Kernel]) -> tuple[Any, dict[str, np.ndarray]]:
    hidden = kernels[0].recurrent.shape[0]
    names = ["X", "W", "R", "", "L", "", "", "", "W scale", "W zero", "R scale", "R zero"]
    node = helper.make_node(
        "DynamicQuantizeLSTM", names, ["Y"],
        hidden_size=hidden, direction="bidirectional", domain="com.microsoft",
    )  # fmt: skip
    constants = {}
    for name in ("W", "R"):
        matrices = [onnx_order(k.input if name == "W" else k.recurrent) for k in kernels]
        scales = [(np.abs(m).max(axis=0) / 127).astype(np.float32) for m in matrices]
        integers = [np.round(m / s).astype(np.int8) for m, s in zip(matrices, scales, strict=True)]
        constants[name] = np.stack(integers)
        constants[f"{name} scale"] = np.stack(scales)
        constants[f"{name} zero"] = np.zeros((2, 4 * hidden), np.int8)
    return node, constants


if __name__ == "__main__":
    main()
