"""Weights of runs, and whether they are equal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy


def weights(directory: Path) -> dict[str, np.ndarray]:
    """The weights in the bundle of a run's directory."""
    return safetensors.numpy.load_file(directory / "bundle" / "weights.safetensors")


def same_parameters(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two models have the same parameters, bit for bit."""
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )
