"""A BiLSTM of 128 inputs and 256 units per direction: forward, and forward and backward.

Compared with PyTorch's nn.LSTM and ONNX Runtime's LSTM, all in float32 and with the same weights.
Equality of the results is checked first.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import torch
from flax import nnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.timing import side_by_side, table
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.parameters import Params, merge_model, split_model
from training.speed import matmul_flops_per_second

INPUTS, HIDDEN = 128, 256
SHAPES = [(1, 32), (8, 64), (32, 64), (128, 64)]


def main() -> None:
    graph, params = split_model(Encoder(EncoderConfig(hidden=HIDDEN), INPUTS, rngs=nnx.Rngs(0)))
    peak = matmul_flops_per_second()
    forward_rows, both_rows = [], []
    for rows, steps in SHAPES:
        x = np.random.default_rng(0).normal(size=(steps, rows, INPUTS)).astype(np.float32)
        flops = 2 * rows * steps * sum(p.size for p in params.values() if p.ndim == 2)
        forward = forwards(graph, params, x)
        results = [np.asarray(run()) for run in forward.values()]
        worst = max(float(np.abs(result - results[0]).max()) for result in results)
        assert worst < 1e-4, worst
        seconds = side_by_side(forward)
        forward_rows.append(_row(rows, steps, seconds, flops, peak))
        seconds = side_by_side(both_ways(graph, params, x))
        both_rows.append(_row(rows, steps, seconds, 3 * flops, peak))
    peers = ["PyTorch", "ONNX Runtime"]
    head = ["rows x steps", "textrnn ms", *(f"{p} ms" for p in peers), "ratio to the best",
            "GFLOP/s", "of the matmul peak"]  # fmt: skip
    table(f"BiLSTM forward (matmul peak {peak / 1e9:.0f} GFLOP/s)", head, forward_rows)
    head = ["rows x steps", "textrnn ms", "PyTorch ms", "ratio", "GFLOP/s", "of the matmul peak"]
    table("BiLSTM forward and backward", head, both_rows)


def _row(rows: int, steps: int, seconds: dict[str, float], flops: float, peak: float) -> list[Any]:
    ours, *others = seconds.values()
    rate = flops / ours
    shown = [s * 1e3 for s in seconds.values()]
    share = f"{rate / peak:.0%}"
    return [f"{rows} x {steps}", *shown, f"{ours / min(others):.2f}", rate / 1e9, share]


def forwards(graph: nnx.GraphDef, params: Params, x: np.ndarray) -> dict[str, Any]:
    lengths = jnp.full(x.shape[1], x.shape[0])
    ours = jax.jit(lambda params, x: merge_model(graph, params)(x, lengths)[0])
    network = torch_lstm(params)
    session = onnx_session(params)
    given = torch.from_numpy(x)

    def pytorch() -> Any:
        with torch.inference_mode():
            return network(given)[0]

    def runtime() -> Any:
        y = np.asarray(session.run(None, {"X": x})[0])  # [steps, 2, rows, hidden]
        return np.concatenate([y[:, 0], y[:, 1]], axis=-1)

    device = jnp.asarray(x)
    return {
        "textrnn": lambda: ours(params, device).block_until_ready(),
        "PyTorch": pytorch,
        "ONNX Runtime": runtime,
    }


def both_ways(graph: nnx.GraphDef, params: Params, x: np.ndarray) -> dict[str, Any]:
    lengths = jnp.full(x.shape[1], x.shape[0])

    def loss(params: Params, x: jax.Array) -> jax.Array:
        return (merge_model(graph, params)(x, lengths)[0] ** 2).sum()

    ours = jax.jit(jax.grad(loss, argnums=(0, 1)))
    network = torch_lstm(params)
    given = torch.from_numpy(x).requires_grad_()

    def pytorch() -> Any:
        network.zero_grad()
        given.grad = None
        (network(given)[0] ** 2).sum().backward()

    device = jnp.asarray(x)
    return {
        "textrnn": lambda: jax.block_until_ready(ours(params, device)),
        "PyTorch": pytorch,
    }


def _of(params: Params, direction: str, name: str) -> np.ndarray:
    return np.asarray(params[f"layers.0.{direction}.{name}"])


def torch_lstm(params: Params) -> torch.nn.LSTM:
    """PyTorch orders the gates as textrnn does: i, f, g, o."""
    network = torch.nn.LSTM(INPUTS, HIDDEN, bidirectional=True)
    state = {}
    for direction, suffix in (("forward", ""), ("backward", "_reverse")):
        state[f"weight_ih_l0{suffix}"] = _of(params, direction, "input_kernel").T
        state[f"weight_hh_l0{suffix}"] = _of(params, direction, "recurrent_kernel").T
        state[f"bias_ih_l0{suffix}"] = _of(params, direction, "bias")
        state[f"bias_hh_l0{suffix}"] = np.zeros(4 * HIDDEN, np.float32)
    network.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in state.items()})
    return network


def onnx_session(params: Params) -> onnxruntime.InferenceSession:
    """ONNX orders the gates i, o, f, c."""

    def ordered(array: np.ndarray) -> np.ndarray:
        i, f, g, o = np.split(array, 4, axis=-1)
        return np.concatenate([i, o, f, g], axis=-1)

    both = ("forward", "backward")
    w = np.stack([ordered(_of(params, d, "input_kernel")).T for d in both])
    r = np.stack([ordered(_of(params, d, "recurrent_kernel")).T for d in both])
    bias = np.stack([ordered(_of(params, d, "bias")) for d in both])
    b = np.concatenate([bias, np.zeros_like(bias)], axis=1)
    constants = [numpy_helper.from_array(a, n) for a, n in ((w, "W"), (r, "R"), (b, "B"))]
    node = helper.make_node(
        "LSTM", ["X", "W", "R", "B"], ["Y"], hidden_size=HIDDEN, direction="bidirectional"
    )
    shape = ["steps", "rows", INPUTS]
    graph = helper.make_graph(
        [node], "bilstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["steps", 2, "rows", HIDDEN])],
        constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
