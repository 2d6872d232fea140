"""The options of a batch as arrays, and captured arrays as JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.tasks.generate.capture import Captured, CaptureOptions, batch_capture_options
from textrnn.tasks.generate.options import GenerateOptions
from textrnn.tasks.generate.sampling import SamplingParameters
from textrnn.tasks.generate.state import GenerationState


def sampling_parameters(
    rows: Sequence[GenerateOptions], state: GenerationState
) -> SamplingParameters:
    """Sampling parameters of a batch with the given state. Padding rows need no noise, truncation
    or penalty."""
    padding = [GenerateOptions(temperature=0)] * (len(state.seed) - len(rows))
    rows = [*rows, *padding]

    def column(values: list[float], dtype: type) -> Any:
        return np.array(values, dtype)

    return SamplingParameters(
        temperature=column([row.temperature for row in rows], np.float32),
        top_k=column([row.top_k for row in rows], np.int32),
        top_p=column([row.top_p for row in rows], np.float32),
        repetition_penalty=column([row.repetition_penalty for row in rows], np.float32),
        seed=state.seed,
    )


def capture_options(rows: Sequence[GenerateOptions], count: int) -> CaptureOptions:
    """What to capture for a batch of `count` rows. Nothing is captured for padding rows."""
    top = [row.top_log_probabilities > 0 for row in rows]
    return batch_capture_options([row.cells for row in rows], top, count)


def captured_columns(options: GenerateOptions) -> dict[str, Any]:
    """The types of the details that `captured_json` returns."""
    columns: dict[str, Any] = {}
    if options.log_probabilities:
        columns["log_probabilities"] = list[float]
    if options.top_log_probabilities:
        columns["top_log_probabilities"] = list[dict[str, float]]
    if options.cells:
        columns["activations"] = list[list[float]]
    return columns


def captured_json(
    captured: Captured, options: GenerateOptions, symbols: Sequence[str]
) -> dict[str, Any]:
    """The requested details as JSON: lists with one entry for each character, or for `activations`
    one such list for each cell. `symbols` are the names of the tokens."""
    details: dict[str, Any] = {}
    if options.log_probabilities:
        details["log_probabilities"] = captured.log_probability.tolist()
    if options.top_log_probabilities:
        details["top_log_probabilities"] = [
            {symbols[token]: likelihood for token, likelihood in zip(*both, strict=True)}
            for both in zip(
                captured.top_ids.tolist(), captured.top_log_probability.tolist(), strict=True
            )
        ]
    if options.cells:
        details["activations"] = captured.activation.T.tolist()
    return details
