"""Run the named benchmarks, or all but those that need data for training."""

import importlib
import platform
import sys

from textrnn.runtime import tune_allocator

NAMES = [
    "recurrent", "training", "scoring", "million", "startup", "memory", "http", "tagging",
    "translation", "glossary", "generation", "mixed_languages", "overload", "fairness",
    "soak",
]  # fmt: skip
NEED_DATA = [
    "languages", "ablation", "sentiment", "few_labels", "unseen_names", "sst_trees", "networks",
    "hosts",
]  # fmt: skip


def main() -> None:
    tune_allocator()
    from training.speed import machine

    names = sys.argv[1:] or NAMES
    known = [*NAMES, *NEED_DATA]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}; there are {', '.join(known)}")
    print(f"{machine()}, Python {platform.python_version()}")
    for name in names:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
