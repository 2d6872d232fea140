"""Answers on a terminal or in a pipe."""

import json
from typing import Any, TextIO

from textrnn.cli.heatmap import heatmap
from textrnn.cli.highlight import highlight
from textrnn.cli.tables import visible
from textrnn.predictor import Predictor


def show(
    predictor: Predictor, text: str, options: dict[str, Any], out: TextIO, alignment: bool
) -> None:
    """Answer one text: on a terminal in the form that fits the task, else as a line of JSON; or
    with a drawn `alignment`."""
    task = predictor.task
    if task.name == "generate" and out.isatty():
        print(visible(text), end="", flush=True, file=out)
        for piece in predictor.stream(text, **options):
            print(visible(piece), end="", flush=True, file=out)
        print(file=out)
        return
    (answer,) = predictor.predict(text, **options)
    if alignment:
        print(answer["text"], file=out)
        print(heatmap(answer["source_tokens"], answer["tokens"], answer["alignment"]), file=out)
    elif task.name == "tag" and out.isatty():
        from rich import print as show_colours

        show_colours(highlight(text, answer["entities"], task.config.labels), file=out)
    else:
        print(json.dumps(answer, ensure_ascii=False), flush=True, file=out)
