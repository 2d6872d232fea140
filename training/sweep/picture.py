"""Parallel coordinates: a line for each trial through its values, coloured by its metric."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

from training.sweep.space import Dimension, OneOf, Range


def draw_parallel_coordinates(
    space: dict[str, Dimension],
    trials: Sequence[tuple[dict[str, Any], float]],
    path: Path,
) -> None:
    """`trials` has the values of each trial and its metric; the better trials, which come last, are
    drawn over the others."""
    figure, axis = plt.subplots(figsize=(2.5 * (len(space) + 1), 4), layout="constrained")
    places = np.arange(len(space) + 1)
    results = np.array([value for _, value in trials])
    span = results.max() - results.min() or 1.0
    heights = (results - results.min()) / span
    for (values, _), height in zip(trials, heights, strict=True):
        line = [_height(dimension, values[key]) for key, dimension in space.items()]
        axis.plot(places, [*line, height], color=plt.get_cmap("viridis")(height), alpha=0.8)
    for place, dimension in enumerate(space.values()):
        for label, height in _ticks(dimension):
            axis.text(place, height, f" {label}", fontsize=8, va="center")
    for height in (0.0, 0.5, 1.0):
        label = f" {results.min() + height * span:.4g}"
        axis.text(places[-1], height, label, fontsize=8, va="center")
    for place in places:
        axis.axvline(float(place), color="gray", linewidth=0.8)
    axis.set_xticks(places, [*space, "value"], rotation=15, fontsize=9)
    axis.set_yticks([])
    axis.set_xlim(0, places[-1] + 0.4)
    axis.set_frame_on(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _height(dimension: Dimension, value: Any) -> float:
    """Where a value is on its axis, from 0 to 1."""
    if isinstance(dimension, OneOf):
        return dimension.values.index(value) / (len(dimension.values) - 1)
    scale = np.log if dimension.kind == "log" else float
    low, high = scale(dimension.low), scale(dimension.high)
    return float((scale(value) - low) / (high - low))


def _ticks(dimension: Dimension) -> list[tuple[str, float]]:
    if isinstance(dimension, Range):
        ends = dimension.low, dimension.high
        return [(f"{value:g}", _height(dimension, value)) for value in ends]
    return [(str(value), _height(dimension, value)) for value in dimension.values]
