"""Text classification, tagging, translation and generation with recurrent networks.

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
    """Load a model.

    `name` is the name of a shipped model or the path of a bundle directory. Raises
    `textrnn.errors.UserError` if there is no such model or if the bundle is damaged.
    """
    from textrnn.bundle import load_bundle
    from textrnn.predictor import Predictor

    bundle = load_bundle(name)
    return Predictor(bundle.task, bundle.params)


def __getattr__(name: str) -> Any:
    # JAX and Flax take a second to import, so `import textrnn` alone does not load them.
    if name == "Predictor":
        from textrnn.predictor import Predictor

        return Predictor
    raise AttributeError(f"module 'textrnn' has no attribute {name!r}")
