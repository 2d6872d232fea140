"""Language identification compared with langid, py3langid, CLD2 and Lingua: accuracy and texts/s.

python -m benchmarks.languages [MODEL]     default: language-id

The texts are the development sets of the recipe language-id, so $TEXTRNN_DATA must have its data.
Each pair of detectors is compared on the languages that both know; neither is told which these are.
Accuracy is the mean over languages.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

import textrnn
from benchmarks.timing import side_by_side, table
from textrnn.rows import Row
from training.datasets import load_dev_rows
from training.recipe import load_recipe

MODEL = "language-id"
TIMED = 256
"""Texts of each call that is timed."""
SAME = {"iw": "he", "jw": "jv", "no": "nb", "zh-Hant": "zh", "bh": "bho", "ku": "kmr", "un": "und"}
"""Codes of a peer and ours for the same language."""

Detect = Callable[[Sequence[str]], list[str]]


def main(name: str = MODEL) -> None:
    predictor = textrnn.load(name)
    labels = set(predictor.task.config.labels)
    sets = {
        kind: [row for row in rows if row["label"] in labels]
        for kind, rows in load_dev_rows(load_recipe(MODEL).data, "classify").items()
    }

    def ours(texts: Sequence[str]) -> list[str]:
        return [answer["label"] for answer in predictor.predict(texts, top_k=1)]

    detectors = {MODEL: (ours, labels), **_peers()}
    answers = {
        (detector, kind): detect([row["text"] for row in rows])
        for detector, (detect, _) in detectors.items()
        for kind, rows in sets.items()
    }
    rows = []
    for detector, (_, known) in detectors.items():
        for kind, texts in sets.items():
            common = known & labels
            theirs = by_language(texts, answers[detector, kind], common)
            same = by_language(texts, answers[MODEL, kind], common)
            rows.append([detector, kind, len(theirs), _percent(theirs), _percent(same)])
    table(
        "accuracy in %, mean over the languages that both know",
        ["detector", "texts", "languages", "its accuracy", f"{MODEL} on the same"],
        rows,
    )
    _table_by_language(sets, {name: known for name, (_, known) in detectors.items()}, answers)
    rates = []
    for kind, texts in sets.items():
        some = [row["text"] for row in texts[:: max(len(texts) // TIMED, 1)]][:TIMED]
        seconds = side_by_side(
            {name: partial(detect, some) for name, (detect, _) in detectors.items()}, rounds=3
        )
        rates.append([kind, *(len(some) / seconds[detector] for detector in detectors)])
    table(f"texts/s in calls of {TIMED}", ["texts", *detectors], rates)


def by_language(rows: Sequence[Row], answers: Sequence[str], known: set[str]) -> dict[str, float]:
    """The share of right answers for each of the known languages."""
    right: defaultdict[str, list[bool]] = defaultdict(list)
    for row, answer in zip(rows, answers, strict=True):
        if row["label"] in known and row["label"] != "und":
            right[row["label"]].append(_same(answer) == _same(row["label"]))
    return {language: float(np.mean(each)) for language, each in right.items()}


def _same(code: str) -> str:
    """Both forms of Norwegian are one language here: most peers know only one code."""
    return {"nn": "nb"}.get(code := SAME.get(code, code), code)


def _percent(shares: Mapping[str, float]) -> str:
    return f"{100 * np.mean(list(shares.values())):.1f}"


def _table_by_language(
    sets: Mapping[str, Sequence[Row]],
    known: Mapping[str, set[str]],
    answers: Mapping[tuple[str, str], Sequence[str]],
) -> None:
    cells: defaultdict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for (detector, kind), labels in answers.items():
        for language, share in by_language(sets[kind], labels, known[detector]).items():
            cells[language][detector, kind] = f"{100 * share:.0f}"
    rows: list[list[object]] = [
        [language, *(" / ".join(found.get((d, kind), "-") for kind in sets) for d in known)]
        for language, found in sorted(cells.items())
    ]
    table(f"accuracy in % by language: {' / '.join(sets)}", ["language", *known], rows)


def _peers() -> dict[str, tuple[Detect, set[str]]]:
    """Each peer with the languages that it knows, in our codes."""
    import langid
    import py3langid
    import pycld2
    from lingua import Language, LanguageDetectorBuilder

    def cld2(texts: Sequence[str]) -> list[str]:
        return [pycld2.detect(_printable(text), bestEffort=True)[2][0][1] for text in texts]

    lingua = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def lingua_codes(texts: Sequence[str]) -> list[str]:
        found = lingua.detect_languages_in_parallel_of(list(texts))
        return [one.iso_code_639_1.name.lower() if one else "und" for one in found]

    cld2_codes = {
        code for language, code in pycld2.LANGUAGES if language in pycld2.DETECTED_LANGUAGES
    }
    return {
        "langid": (
            lambda texts: [langid.classify(text)[0] for text in texts],
            _ours(code for code, _ in langid.rank("a")),
        ),
        "py3langid": (
            lambda texts: [py3langid.classify(text)[0] for text in texts],
            _ours(code for code, _ in py3langid.rank("a")),
        ),
        "CLD2": (cld2, _ours(cld2_codes)),
        "Lingua": (
            lingua_codes,
            _ours(language.iso_code_639_1.name.lower() for language in Language.all()),
        ),
    }


def _ours(codes: Iterable[str]) -> set[str]:
    known = {SAME.get(code, code) for code in codes}
    return known | ({"nn"} if "nb" in known else set())


def _printable(text: str) -> str:
    """CLD2 refuses control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


if __name__ == "__main__":
    main(*sys.argv[1:])
