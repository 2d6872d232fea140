"""The file that holds a model's parameters: float32, float16 or int8."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

Storage = Literal["float32", "float16", "int8"]
Named = dict[str, np.ndarray]

_SCALE = ":scale"


def pack(arrays: Named, storage: Storage) -> Named:
    """What is written to the file. Vectors stay float32: they are small.

    int8 keeps one scale for each index of a matrix's longer axis: for each word of a table, for
    each output unit of a kernel.
    """
    packed: Named = {}
    for name, array in arrays.items():
        if storage == "float32" or array.ndim < 2:
            packed[name] = array.astype(np.float32)
        elif storage == "float16":
            packed[name] = array.astype(np.float16)
        else:
            others = tuple(a for a in range(array.ndim) if a != int(np.argmax(array.shape)))
            scale = np.abs(array).max(axis=others, keepdims=True) / 127
            scale = np.where(scale > 0, scale, 1).astype(np.float32)
            packed[name] = np.round(array / scale).astype(np.int8)
            packed[name + _SCALE] = scale
    return packed


def unpack(packed: Mapping[str, np.ndarray]) -> Named:
    """float32 arrays from what `pack` made."""
    return {
        name: array.astype(np.float32) * packed.get(name + _SCALE, np.float32(1))
        for name, array in packed.items()
        if not name.endswith(_SCALE)
    }


def write(path: Path, packed: Named) -> None:
    # Not save_file: what it writes can be read by its owner alone.
    path.write_bytes(
        safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in packed.items()})
    )


def read(path: Path, expected: Mapping[str, tuple[int, ...]], storage: Storage) -> Named:
    """Unpacked arrays. Raises ValueError with all that differs from what is expected."""
    try:
        packed: dict[str, Any] = safetensors.numpy.load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path.name} is not a safetensors file: {error}") from None
    wanted = pack({name: np.ones(shape, np.float32) for name, shape in expected.items()}, storage)
    faults = [f"{name} is missing" for name in sorted(set(wanted) - set(packed))]
    faults += [f"{name} is not of this model" for name in sorted(set(packed) - set(wanted))]
    for name in sorted(set(wanted) & set(packed)):
        found, right = packed[name], wanted[name]
        if found.shape != right.shape or found.dtype != right.dtype:
            faults.append(
                f"{name} is {found.dtype}{list(found.shape)}, "
                f"expected {right.dtype}{list(right.shape)}"
            )
        elif found.dtype != np.int8 and not np.isfinite(found).all():
            faults.append(f"{name} holds numbers that are not finite")
    if faults:
        raise ValueError("; ".join(faults))
    return unpack(packed)
