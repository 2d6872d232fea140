"""The weights file: parameters stored as float32, float16 or int8."""

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
    """The arrays to store. Vectors are small and stay float32.

    int8 has one scale for each index of a matrix's longer axis, that is, for each word of an
    embedding table and for each output unit of a kernel.
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
    """The float32 arrays of a packed set."""
    return {
        name: array.astype(np.float32) * packed.get(name + _SCALE, np.float32(1))
        for name, array in packed.items()
        if not name.endswith(_SCALE)
    }


def write_weights(path: Path, packed: Named) -> None:
    # save_file would create a file that only its owner can read.
    path.write_bytes(
        safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in packed.items()})
    )


def read_weights(path: Path, expected: Mapping[str, tuple[int, ...]], storage: Storage) -> Named:
    """The unpacked arrays; `expected` has the shape of each.

    Raises ValueError, which lists all differences from the expected arrays.
    """
    try:
        packed: dict[str, Any] = safetensors.numpy.load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path.name} is not a safetensors file: {error}") from None
    reference = pack(
        {name: np.ones(shape, np.float32) for name, shape in expected.items()}, storage
    )
    defects = [f"{name} is missing" for name in sorted(set(reference) - set(packed))]
    defects += [
        f"{name} is not a parameter of this model" for name in sorted(set(packed) - set(reference))
    ]
    for name in sorted(set(reference) & set(packed)):
        array, right = packed[name], reference[name]
        if array.shape != right.shape or array.dtype != right.dtype:
            defects.append(
                f"{name} is {array.dtype}{list(array.shape)}, "
                f"expected {right.dtype}{list(right.shape)}"
            )
        elif array.dtype != np.int8 and not np.isfinite(array).all():
            defects.append(f"{name} contains values that are not finite")
    if defects:
        raise ValueError("; ".join(defects))
    return unpack(packed)
