"""A page that compares runs: what they differ in, their metrics and their curves.

The page stands alone: it has its style and pictures in itself, and asks for nothing else.
"""

import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

from textrnn.io.files import write_atomically
from training.compare import RunSummary, comparison
from training.log import read_metrics

PAGE_STYLE = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .75rem; text-align: left; }
td { font-variant-numeric: tabular-nums; }
figure { background: #fff; margin: 1.5rem 0; }
svg { height: auto; width: 100%; }
"""


def write_comparison(runs: Sequence[RunSummary], path: Path) -> None:
    """Write the page. Raises UserError if it cannot be written."""
    head, *rows = comparison(runs)
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [f"<tr>{cells}</tr>"]
    for name, *values in rows:
        cells = "".join(f"<td>{escape(value)}</td>" for value in values)
        lines.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    write_atomically(
        path,
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Runs</title>\n'
        f"<style>{PAGE_STYLE}</style>\n<h1>Runs</h1>\n"
        f'<div class="wide"><table>\n{chr(10).join(lines)}\n</table></div>\n'
        f"<figure>{_curves(runs)}</figure>\n</html>\n",
    )


def _curves(runs: Sequence[RunSummary]) -> str:
    """The loss and each metric by step, a line for each run, as SVG."""
    logs = {run.directory.name: read_metrics(run.directory / "metrics.jsonl") for run in runs}
    metrics = {key for log in logs.values() for entry in log for key in entry if "." in key}
    names = ["loss", *sorted(metrics)]
    columns = min(len(names), 3)
    height = -(-len(names) // columns)
    figure, axes = plt.subplots(
        height, columns, figsize=(4 * columns, 3 * height), squeeze=False, layout="constrained"
    )
    for axis, name in zip(axes.flat, names, strict=False):
        for run, log in logs.items():
            points = [(entry["step"], entry[name]) for entry in log if name in entry]
            if points:
                axis.plot(*zip(*points, strict=True), label=run)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("step")
    for axis in list(axes.flat)[len(names) :]:
        axis.axis("off")
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg")
    plt.close(figure)
    return "<svg" + drawn.getvalue().partition("<svg")[2]  # without the head of an XML file
