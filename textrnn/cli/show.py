"""Answers on a terminal or in a pipe."""

import json
from itertools import chain
from typing import Any, TextIO

from textrnn.cli.heatmap import heatmap
from textrnn.cli.highlight import highlight
from textrnn.cli.tables import visible
from textrnn.errors import InvalidText
from textrnn.io.records import Record
from textrnn.predictor import Predictor


def show(
    predictor: Predictor, record: Record, options: dict[str, Any], out: TextIO, alignment: bool
) -> str | None:
    """Print the answer for the text of a record, or return the reason why there is none.

    On a terminal, entities are highlighted and generated text appears as it is generated; anything
    else is one line of JSON. With `alignment`, prints the translation and its heat map. Raises
    UserError for impossible options.
    """
    if record.error:
        return record.error
    try:
        _answer(predictor, record.fields["text"], options, out, alignment)
    except InvalidText as error:
        return str(error)
    return None


def _answer(
    predictor: Predictor, text: str, options: dict[str, Any], out: TextIO, alignment: bool
) -> None:
    task = predictor.task
    if task.name == "generate" and out.isatty():
        chunks = predictor.stream(text, **options)
        first = next(chunks, "")  # raises InvalidText before anything is printed
        for chunk in chain((text, first), chunks):
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
