"""BLEU with a glossary: each sentence of the development data with one word that its reference has,
and with do-not-translate terms. Also whether every term is obeyed, and the time it takes.

TEXTRNN_DATA names the folder of the data. The entry of a pair is the longest word of the reference
that attention aligns with one word of the source when the model is forced to write the reference.
"""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np

import textrnn
from benchmarks.timing import table
from textrnn.predictor import Predictor
from textrnn.tasks.translate.options import TranslateOptions
from textrnn.text import CopyingTokenizer

MODELS = {"translate-en-de": (0, 1), "translate-de-en": (1, 0)}
ALIGNED = 0.5
"""The least attention of a word of the reference to the word of the source."""
LETTERS = 4
"""Letters of the shortest word of an entry."""


def main() -> None:
    path = Path(os.environ["TEXTRNN_DATA"]) / "tatoeba_en_de" / "dev.tsv"
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    for model, (source, target) in MODELS.items():
        pairs = [{"source": line[source], "target": line[target]} for line in lines]
        compare(textrnn.load(model), model, pairs)


def compare(predictor: Predictor, model: str, pairs: list[dict[str, str]]) -> None:
    given = list(zip(pairs, entries(predictor, pairs), strict=True))
    aligned = [(pair, entry) for pair, entry in given if entry]
    rows = [
        measure(predictor, "none", [(pair, TranslateOptions()) for pair in pairs]),
        measure(predictor, "none", [(pair, TranslateOptions()) for pair, _ in aligned]),
        measure(
            predictor,
            "a word of the reference",
            [(pair, TranslateOptions(glossary=dict([entry]))) for pair, entry in aligned],
        ),
        measure(
            predictor,
            "the source word stays",
            [(pair, TranslateOptions(do_not_translate=entry[:1])) for pair, entry in aligned],
        ),
    ]
    head = ["terms", "pairs", "BLEU", "obeyed", "sentences/s"]
    table(f"{model}, Tatoeba development", head, rows)


def measure(
    predictor: Predictor, name: str, pairs: Sequence[tuple[dict[str, str], TranslateOptions]]
) -> list:
    began = perf_counter()
    answers = predictor.answer([predictor.task.read(pair, options) for pair, options in pairs])
    seconds = perf_counter() - began
    bleu = predictor.task.score(answers, [pair for pair, _ in pairs])["bleu"]
    obeyed = sum(
        all(term in answer["text"] for term in (*o.glossary.values(), *o.do_not_translate))
        for answer, (_, o) in zip(answers, pairs, strict=True)
    )
    return [name, len(pairs), bleu, f"{obeyed / len(pairs):.2%}", len(pairs) / seconds]


def entries(
    predictor: Predictor, pairs: Sequence[dict[str, str]]
) -> Iterator[tuple[str, str] | None]:
    """For each pair a word of the source and the word of the reference that is aligned with it."""
    options = TranslateOptions(score_target=True)
    examples = [predictor.task.read(pair, options) for pair in pairs]
    for pair, example, outputs in zip(pairs, examples, predictor.run(examples), strict=True):
        aligned = []
        for window, output in zip(example.parts, outputs, strict=True):
            steps = len(window.forced) - 1
            attention = output.tokens[:-1, :steps, 0]
            source = words(predictor, window.ids[:-1])
            for word, places in words(predictor, window.forced[:-1]).items():
                weights = {
                    w: attention[at][:, places].sum(axis=0).mean() for w, at in source.items()
                }
                best = max(weights, key=weights.__getitem__, default="")
                if min(len(word), len(best)) >= LETTERS and weights[best] >= ALIGNED:
                    # Tokens of a first word are in lower case.
                    written = re.search(rf"\b{best}\b", pair["source"], re.IGNORECASE)
                    aligned.append((written[0] if written else best, word))
        yield max(aligned, key=lambda entry: len(entry[1]), default=None)


def words(predictor: Predictor, ids: np.ndarray) -> dict[str, list[int]]:
    """The words of letters that occur once, with the places of their tokens."""
    tokenizer = predictor.task.tokenizer
    assert isinstance(tokenizer, CopyingTokenizer)
    pieces = tokenizer.decode_subwords(ids, ())
    starts = [i for i, piece in enumerate(pieces) if not piece.isalpha()]
    found: dict[str, list[list[int]]] = {}
    for start, end in pairwise([*starts, len(pieces)]):
        word = "".join(pieces[start:end])
        if word[:1] == "▁" and word[1:].isalpha():
            found.setdefault(word[1:], []).append(list(range(start, end)))
    return {word: places[0] for word, places in found.items() if len(places) == 1}
