"""`python -m textrnn` is the `textrnn` command."""

from textrnn.cli.main import main

main()
