"""The `textrnn` command, which is also `python -m textrnn`."""

import sys
from typing import NoReturn

from textrnn.runtime import use_huge_pages

LONG_RUNNING = {"serve", "train", "evaluate", "score"}
"""Commands that allocate much memory, for which a restart pays."""


def entry_point() -> NoReturn:
    """Run the command line and exit."""
    if LONG_RUNNING.intersection(sys.argv[1:2]):
        use_huge_pages()
    # Imported here, since a restart would import it twice.
    from textrnn.cli.main import main

    main()


if __name__ == "__main__":
    entry_point()
