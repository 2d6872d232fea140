"""The `textrnn` command, which is also `python -m textrnn`."""

import sys
from typing import NoReturn

from textrnn.runtime import tune_allocator

LONG_RUNNING = {"serve", "train", "evaluate", "score"}
"""Commands that allocate much memory, for which a restart pays."""


def entry_point() -> NoReturn:
    """Run the command line and exit."""
    command = sys.argv[1:2]
    if LONG_RUNNING.intersection(command):
        tune_allocator(keep=command == ["train"])
    # Imported here, since a restart would import it twice.
    from textrnn.cli.main import main

    main()


if __name__ == "__main__":
    entry_point()
