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
    """Print the answer for one text.

    On a terminal, entities are highlighted and generated text appears as it is generated; anything
    else is one line of JSON. With `alignment`, prints the translation and its heat map.
    """
    task = predictor.task
    if task.name == "generate" and out.isatty():
        print(visible(text), end="", flush=True, file=out)
        for chunk in predictor.stream(text, **options):
            print(visible(chunk), end="", flush=True, file=out)
        print(file=out)
        return
    (answer,) = predictor.predict(text, **options)
    if alignment:
        print(answer["text"], file=out)
        print(heatmap(answer["source_tokens"], answer["tokens"], answer["alignment"]), file=out)
    elif task.name == "tag" and out.isatty():
        from rich import print as print_rich

        print_rich(highlight(text, answer["entities"], task.config.labels), file=out)
    else:
        print(json.dumps(answer, ensure_ascii=False), flush=True, file=out)
