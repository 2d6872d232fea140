"""Run experiments and print what their networks reach; see the package."""

import sys
import time

from textrnn.cli.tables import print_table
from textrnn.errors import UserError
from training.experiments.experiment import load_experiments
from training.experiments.run import run_experiment


def run_named(names: list[str]) -> int:
    try:
        experiments = load_experiments(names)
    except UserError as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 2
    rows = [["task", "cell", "figure", "expected", "holds", "s", "published"]]
    missed = 0
    for experiment in experiments.values():
        began = time.monotonic()
        for task, network, figure in run_experiment(experiment):
            holds = network.holds(figure)
            missed += not holds
            bound = f"<= {network.at_most:g}" if network.at_most is not None else ""
            bound = bound or f">= {network.at_least:g}"
            seconds = time.monotonic() - began
            began = time.monotonic()
            kind = network.kind
            rows.append(
                [task, kind, f"{figure:.4f}", bound, "yes" if holds else "MISSED",
                 f"{seconds:.0f}", network.published]
            )  # fmt: skip
            print(f"{task} {kind}: {figure:.4f}, expected {bound} ({seconds:.0f} s)", flush=True)
    print_table(rows)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run_named(sys.argv[1:]))
