"""The weights file: parameters stored as float32, float16 or int8."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

Storage = Literal["float32", "float16", "int8"]
Named = dict[str, np.ndarray]

Stored = tuple[str, tuple[int, ...]]
"""Type and shape of a stored array."""

_SCALE = ":scale"
_TYPES = {"F32": "float32", "F16": "float16", "I8": "int8"}
"""Names of types in the header of a file."""


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
            others = tuple(a for a in range(array.ndim) if a != _scaled_axis(array.shape))
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

    Names, types and shapes are compared with the header of the file before memory is allocated.
    Raises ValueError, which lists all differences from the expected arrays.
    """
    try:
        found = _header(path)
        defects = _differences(found, _stored(expected, storage))
        if defects:
            raise ValueError("; ".join(defects))
        packed: Named = safetensors.numpy.load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is not a safetensors file: {error}") from None
    defects = [
        f"{name} contains values that are not finite"
        for name, array in sorted(packed.items())
        if array.dtype != np.int8 and not np.isfinite(array).all()
    ]
    if defects:
        raise ValueError("; ".join(defects))
    return unpack(packed)


def _header(path: Path) -> dict[str, Stored]:
    """What the file contains by name, without reading values."""
    with safe_open(path, "numpy") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        return {
            name: (_TYPES.get(kind := str(part.get_dtype()), kind), tuple(part.get_shape()))
            for name, part in parts.items()
        }


def _stored(shapes: Mapping[str, tuple[int, ...]], storage: Storage) -> dict[str, Stored]:
    """What `pack` makes of arrays of these shapes."""
    stored: dict[str, Stored] = {}
    for name, shape in shapes.items():
        stored[name] = (storage if len(shape) > 1 else "float32", shape)
        if stored[name][0] == "int8":
            axis = _scaled_axis(shape)
            scale = tuple(size if a == axis else 1 for a, size in enumerate(shape))
            stored[name + _SCALE] = ("float32", scale)
    return stored


def _scaled_axis(shape: tuple[int, ...]) -> int:
    return int(np.argmax(shape))


def _differences(found: Mapping[str, Stored], expected: Mapping[str, Stored]) -> list[str]:
    defects = [f"{name} is missing" for name in sorted(set(expected) - set(found))]
    defects += [
        f"{name} is not a parameter of this model" for name in sorted(set(found) - set(expected))
    ]
    for name in sorted(set(expected) & set(found)):
        if found[name] != expected[name]:
            (kind, shape), (right_kind, right_shape) = found[name], expected[name]
            defects.append(
                f"{name} is {kind}{list(shape)}, expected {right_kind}{list(right_shape)}"
            )
    return defects
