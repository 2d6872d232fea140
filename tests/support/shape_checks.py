"""Importing this module makes annotations of the numerical modules checked at run time.

The hook has to be in place before any of them is imported, so `conftest.py` imports it first. It
works in every process that loads `conftest.py`, workers of pytest-xdist included. (The plugin
option `--jaxtyping-packages` does not reach those workers from `addopts`.)
"""

from jaxtyping import install_import_hook

CHECKED = (
    "textrnn.layers",
    "textrnn.tasks.classify.network",
    "textrnn.tasks.classify.integrated_gradients",
    "textrnn.tasks.tag.network",
    "textrnn.tasks.tag.crf",
    "textrnn.tasks.tag.crf_loops",
    "textrnn.tasks.translate.network",
    "textrnn.tasks.translate.decoder",
    "textrnn.tasks.translate.beam_search",
    "textrnn.tasks.translate.constraints",
    "textrnn.tasks.translate.repetition",
    "textrnn.tasks.translate.next_tokens",
    "textrnn.tasks.generate.network",
    "textrnn.tasks.generate.sampling",
    "textrnn.tasks.generate.steps",
    "textrnn.tasks.generate.capture",
)
install_import_hook(CHECKED, "beartype.beartype")
