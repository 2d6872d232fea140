"""Bundles as tests look at them."""

from pathlib import Path

import numpy as np
import safetensors.numpy


def weights(directory: Path):
    return safetensors.numpy.load_file(directory / "bundle" / "weights.safetensors")


def same_weights(a: Path, b: Path) -> bool:
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )
