"""The native library: kernels in C++ for CPUs, called from XLA programs.

The library is optional. It is built where a C++ compiler is found when textrnn is installed
(`build.py`). Without it, and on other devices, XLA loops compute the same values.

Environment variables, read when the library is first needed:

- `TEXTRNN_NATIVE=0` disables the library. Any other value is the path of a library to load instead
  of the installed one, such as one built with sanitizers.
- `TEXTRNN_ISA=avx512vnni`, `avx512`, `avx2` or `baseline` restricts the kernels to a smaller
  instruction set.
"""

import ctypes
import functools
import os
import threading
from pathlib import Path
from typing import NamedTuple

from textrnn.errors import UserError

_INSTALLED = Path(__file__).with_name("libtextrnn.so")
_ISAS = ("avx512bf16", "avx512vnni", "avx512", "avx2", "baseline")

HANDLERS = (
    "textrnn_attention",
    "textrnn_bfloat16_product",
    "textrnn_character_cnn",
    "textrnn_character_cnn_backward",
    "textrnn_crf_backward",
    "textrnn_crf_forward",
    "textrnn_crf_viterbi",
    "textrnn_linear",
    "textrnn_max_rows",
    "textrnn_next_tokens",
    "textrnn_sample",
    "textrnn_sum_rows",
    "textrnn_take",
    "textrnn_unroll",
    "textrnn_unroll_backward",
)
"""The functions of the library that XLA calls."""

_registered: set[str] = set()
_registering = threading.Lock()


class _Engine(NamedTuple):
    library: ctypes.CDLL | None
    reason: str
    """Why there is no library."""


@functools.cache
def _engine() -> _Engine:
    setting = os.environ.get("TEXTRNN_NATIVE", "")
    if setting == "0":
        return _Engine(None, "TEXTRNN_NATIVE=0")
    isa = os.environ.get("TEXTRNN_ISA", _ISAS[0])
    if isa not in _ISAS:
        raise UserError(f"TEXTRNN_ISA is {isa!r}; use one of {', '.join(_ISAS)}")
    if not setting and not _INSTALLED.exists():
        return _Engine(None, "the native library was not built")
    try:
        library = ctypes.CDLL(setting or str(_INSTALLED))
    except OSError as error:
        if setting:
            raise UserError(
                f"TEXTRNN_NATIVE is {setting!r}, which cannot be loaded: {error}"
            ) from None
        # For example a library for another processor in a home directory that machines share.
        return _Engine(None, f"the native library cannot be loaded: {error}")
    library.textrnn_instruction_set.argtypes = ()
    library.textrnn_instruction_set.restype = ctypes.c_char_p
    return _Engine(library, "")


def available() -> bool:
    """Whether the native library is loaded. Raises UserError for an invalid environment variable,
    as do the functions below."""
    return _engine().library is not None


def instruction_set() -> str | None:
    """The instruction set of the kernels, such as `AVX-512`, or None without the library."""
    library = _engine().library
    return library.textrnn_instruction_set().decode() if library else None


def lanes() -> int:
    """The float32 lanes of the kernels' vectors, which packed weights are laid out for. Raises
    RuntimeError if the library is not available."""
    return _integer("textrnn_lanes")


def byte_group() -> int:
    """How matrices of bytes are packed (src/panels.h): 4 where the kernels multiply bytes, 1 where
    they turn them into floats, 0 where they take no bytes. Raises RuntimeError if the library is
    not available."""
    return _integer("textrnn_byte_group")


def multiplies_bfloat16() -> bool:
    """Whether there are kernels that multiply bfloat16 by bfloat16, which needs a processor that
    has an instruction for it."""
    return available() and bool(_integer("textrnn_multiplies_bfloat16"))


def description() -> str:
    """What runs on the CPU: `native kernels (AVX2)` or `XLA loops (the native library was not
    built)`."""
    return (
        f"native kernels ({instruction_set()})"
        if available()
        else f"XLA loops ({_engine().reason})"
    )


def call_target(symbol: str) -> str:
    """The name by which programs call an FFI handler of the library, which is registered with XLA.

    `symbol` is one of `HANDLERS`. Raises RuntimeError if the library is not available.
    """
    if symbol not in HANDLERS:
        raise ValueError(f"{symbol} is not in HANDLERS")
    _library()
    register_call_targets()
    return symbol


def register_call_targets() -> None:
    """Register all handlers, if there is a library. A program that was compiled earlier needs this
    before it is loaded."""
    if not available():
        return
    with _registering:
        for symbol in set(HANDLERS) - _registered:
            # Imported here, since `textrnn --version` needs no JAX.
            import jax.ffi

            handler = jax.ffi.pycapsule(getattr(_library(), symbol))
            jax.ffi.register_ffi_target(symbol, handler, platform="cpu")
            _registered.add(symbol)


def _library() -> ctypes.CDLL:
    engine = _engine()
    if engine.library is None:
        raise RuntimeError(f"no native kernels can be called: {engine.reason}")
    return engine.library


def _integer(symbol: str) -> int:
    function = getattr(_library(), symbol)
    function.argtypes, function.restype = (), ctypes.c_int64
    return function()
