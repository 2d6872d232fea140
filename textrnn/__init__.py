"""Text analytics with recurrent networks.

>>> import textrnn
>>> textrnn.load("sentiment-en").predict(["a fine film"])[0]["label"]
'positive'
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from textrnn.predictor import Predictor

__version__ = version("textrnn")
__all__ = ["Predictor", "__version__", "load"]


def load(name: "str | Path") -> "Predictor":
    """A predictor for a shipped model or a bundle directory. Raises textrnn.errors.UserError."""
    from textrnn.bundle import load_bundle
    from textrnn.predictor import Predictor

    bundle = load_bundle(name)
    return Predictor(bundle.task, bundle.params)


def __getattr__(name: str) -> Any:
    # JAX and flax take a second to import; `import textrnn` alone should not.
    if name == "Predictor":
        from textrnn.predictor import Predictor

        return Predictor
    raise AttributeError(f"module 'textrnn' has no attribute {name!r}")
