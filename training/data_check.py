"""The check of a recipe's data before anything is trained.

All rows are read as training reads them. What is found is in the report: a row that cannot be used
is refused, and everything else is counted (see training/findings.py).
"""

import hashlib
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median_low

from textrnn.batching import Limits
from textrnn.errors import InvalidText, UserError
from textrnn.rows import Row, text_of
from textrnn.tasks import TASKS, Example, StreamTask, Task
from textrnn.tasks.tag.gold import gold_spans
from textrnn.text import Normalization
from textrnn.text.treebank import treebank_tokens
from textrnn.text.validation import validate_text, validate_tokens
from training.data_report import DataReport, LabelSummary, SetSummary
from training.datasets import load_sets, rows_of
from training.evaluate import metric_of
from training.findings import (
    BAD_TAGS,
    CONFLICT,
    CUT_WORDS,
    DUPLICATE,
    INVALID,
    LEAK,
    LONG_TEXT,
    NO_LABEL,
    NO_TEXT,
    RARE_LABEL,
    RECIPE,
    SIMILAR_LABELS,
    UNKNOWN_LABEL,
    UNMEASURED_LABEL,
    Findings,
    RowError,
)
from training.recipe import Recipe, TrainConfig
from training.sources import Located
from training.warm_start import fit_tokenizer

RARE = 5
"""Training examples below which a label is rare."""
_FOLDED = 2**20
"""Characters of the longest text that is compared without regard to case and white space."""
Sets = dict[str, list[Located]]
"""The rows by set: `train`, and each development set."""


@dataclass(frozen=True)
class CheckedData:
    """The data of a recipe, read and checked."""

    findings: Findings
    report: DataReport
    train: list[Row]
    dev: dict[str, list[Row]]
    task: Task | None
    """None if the data does not allow to make one."""
    examples: list[Example]
    """Those of the training rows, as training reads them."""


def check_data(recipe: Recipe) -> CheckedData:
    """Read and check the data of a recipe. Raises UserError if a source cannot be read at all."""
    findings = Findings()
    entities = bool(getattr(recipe.model, "entities", True))
    tagged = "tags" in TASKS[recipe.task].row_fields
    check: Callable[[Row], None] = partial(_check_gold, entities) if tagged else lambda _: None
    sets = load_sets(recipe.data, recipe.task, findings, check)
    labels = _check_labels(sets, recipe, entities, findings)
    _check_repeats(sets, findings)
    if tagged:
        _check_word_boundaries(sets, recipe.tokenizer.normalization, findings)
    task = _make_task(recipe, rows_of(sets["train"]), findings)
    examples: list[Example] = []
    if task is not None:
        examples = _read(task, recipe.train, sets, findings)
    found = findings.all()
    report = DataReport(
        recipe=recipe.name,
        task=recipe.task,
        accepted=not any(finding.outcome == "refused" for finding in found),
        sets={name: _summary(rows) for name, rows in sets.items()},
        labels=labels,
        findings=found,
    )
    rows = {name: rows_of(located) for name, located in sets.items()}
    return CheckedData(findings, report, rows.pop("train"), rows, task, examples)


def training_task(task: Task, config: TrainConfig) -> Task:
    """The task with the limits of training batches, by which texts are truncated."""
    limits = Limits(length=config.lengths[-1], rows=config.rows, tokens=config.tokens)
    return replace(task, limits=limits)


def _summary(rows: Sequence[Located]) -> SetSummary:
    lengths = [len(text_of(located.row)) for located in rows]
    if not lengths:
        return SetSummary(rows=0, median=0, longest=0)
    return SetSummary(rows=len(rows), median=median_low(lengths), longest=max(lengths))


def _check_gold(entities: bool, row: Row) -> None:
    """Raises UserError for words, tags or entities that cannot be read, and for blank labels."""
    if not row.get("tokens") and not str(row.get("text") or "").strip():
        raise RowError(NO_TEXT, "the row has no text and no tokens")
    if "tokens" in row:
        validate_tokens(row["tokens"])
    else:
        validate_text(row["text"])
    if "tags" not in row and "entities" not in row:
        fields = ", ".join(row)
        raise RowError(NO_LABEL, f"the row has neither tags nor entities; its fields are {fields}")
    try:
        spans = gold_spans(row, entities)
    except UserError as error:
        raise RowError(BAD_TAGS, str(error)) from None
    for start, end, label in spans:
        if not label.strip():
            raise RowError(NO_LABEL, f"the label of {start}:{end} is blank")
        validate_text(label)


def _labels_of(row: Row, entities: bool) -> Sequence[str]:
    if "label" in row:
        return [row["label"]]
    if "labels" in row:
        return row["labels"]
    if "tags" in row or "entities" in row:
        return [label for _, _, label in gold_spans(row, entities)]
    return []


def _check_labels(
    sets: Sets, recipe: Recipe, entities: bool, findings: Findings
) -> tuple[LabelSummary, ...]:
    """Check the labels, and leave out rows with unknown ones from sources that allow it."""
    counts = {
        name: Counter(label for located in rows for label in _labels_of(located.row, entities))
        for name, rows in sets.items()
    }
    given = getattr(recipe.model, "labels", ())
    known = set(given or counts["train"])
    for name, rows in sets.items():
        unknown = set(counts[name]) - known if counts["train"] else set()
        if unknown:
            sets[name] = list(_without_unknown(rows, unknown, known, entities, findings))
    first: dict[str, Located] = {}
    for rows in sets.values():
        for located in rows:
            for label in _labels_of(located.row, entities):
                first.setdefault(label, located)
    train = counts["train"]
    total = sum(counts.values(), Counter())
    ordered = sorted(first, key=lambda label: (-total[label], label))
    _check_similar(ordered, total, first, findings)
    for label in ordered:
        if 0 < train[label] < RARE:
            findings.add(RARE_LABEL, first[label].place, f"{label!r} has {train[label]}")
    measured = set().union(*(count for name, count in counts.items() if name != "train"))
    for label in ordered:
        if measured and label not in measured:
            findings.add(UNMEASURED_LABEL, first[label].place, f"{label!r}")
    return tuple(
        LabelSummary(
            label=label,
            counts={name: count[label] for name, count in counts.items()},
            example=text_of(first[label].row)[:200].encode("utf-8", "replace").decode(),
        )
        for label in ordered
    )


def _without_unknown(
    rows: Sequence[Located],
    unknown: set[str],
    known: set[str],
    entities: bool,
    findings: Findings,
) -> Iterator[Located]:
    for located in rows:
        found = sorted(unknown.intersection(_labels_of(located.row, entities)))
        if found:
            detail = f"{found[0]!r} is none of {', '.join(sorted(known))}"
            findings.add(UNKNOWN_LABEL, located.place, detail, located.skip_faulty)
        else:
            yield located


def _check_similar(
    ordered: Sequence[str], total: Mapping[str, int], first: Mapping[str, Located], found: Findings
) -> None:
    """Labels of which another, more frequent one is a spelling."""
    forms: defaultdict[str, list[str]] = defaultdict(list)
    for label in ordered:
        forms[_folded(unicodedata.normalize("NFKC", label))].append(label)
    for most, *others in forms.values():
        for label in others:
            detail = f"{label!r} ({total[label]:,}) and {most!r} ({total[most]:,})"
            found.add(SIMILAR_LABELS, first[label].place, detail)


def _folded(text: str) -> str:
    """The text without differences in case and white space."""
    return " ".join(text.casefold().split())


def _check_repeats(sets: Sets, findings: Findings) -> None:
    """Texts that occur again in their set, and training texts in a development set."""
    train: dict[int, tuple[str, int]] = {}
    for name, rows in sets.items():
        seen = train if name == "train" else {}
        for located in rows:
            text = text_of(located.row)
            folded = _folded(text) if len(text) <= _FOLDED else text
            key, gold = _hash(folded), _hash(_gold_of(located.row))
            if key in seen:
                place, earlier = seen[key]
                # Several translations of one text are not a conflict.
                same = gold == earlier
                if same or "target" not in located.row:
                    kind = DUPLICATE if same else CONFLICT
                    findings.add(kind, located.place, f"{text[:60]!r} is also at {place}")
            else:
                seen[key] = located.place, gold
            if seen is not train and key in train:
                findings.add(LEAK, located.place, f"{text[:60]!r} is also at {train[key][0]}")


def _gold_of(row: Row) -> str:
    return repr([row.get(name) for name in ("label", "labels", "tags", "entities", "target")])


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest)


def _check_word_boundaries(sets: Sets, normalization: Normalization, findings: Findings) -> None:
    for rows in sets.values():
        for located in rows:
            text = located.row.get("text", "")
            entities = located.row.get("entities") or ()
            if not entities:
                continue
            normalized = normalization.apply(text)
            words = normalized.whole(treebank_tokens(normalized.text))
            starts, ends = normalized.original(words).T.tolist()
            for start, end, _ in gold_spans(located.row, entities=True):
                first = min(starts[min(bisect_right(ends, start), len(ends) - 1)], start)
                last = max(ends[max(bisect_left(starts, end) - 1, 0)], end)
                if (first, last) != (start, end):
                    detail = f"{text[start:end]!r} at {start}:{end} becomes {text[first:last]!r}"
                    findings.add(CUT_WORDS, located.place, detail)


def _make_task(recipe: Recipe, rows: Sequence[Row], findings: Findings) -> Task | None:
    if not rows:
        return None
    try:
        tokenizer = fit_tokenizer(recipe, rows)
        task = TASKS[recipe.task].fit(recipe.model, tokenizer, recipe.limits, rows)
        metric_of(task, recipe.train.metric)
        task.structure  # noqa: B018 - raises ValueError for sizes that no network has
    except (UserError, ValueError) as error:
        findings.add(RECIPE, recipe.name, str(error))
        return None
    return task


def _read(task: Task, config: TrainConfig, sets: Sets, findings: Findings) -> list[Example]:
    """Read every row with its gold; the examples of the training rows. Rows that cannot be read are
    left out of `sets` where their source allows it."""
    trained = training_task(task, config)
    gold, options = True, task.options_type(truncate=True)
    examples: list[Example] = []
    for name, rows in sets.items():
        reader = trained if name == "train" else task
        if name != "train" and isinstance(task, StreamTask):
            gold, options = False, task.evaluation_options(thorough=False)[0]
        usable = []
        for located in rows:
            try:
                example = reader.read(located.row, options, gold)
            except UserError as error:
                empty = isinstance(error, InvalidText) and error.code == "empty"
                kind = NO_TEXT if empty else INVALID
                findings.add(kind, located.place, str(error), located.skip_faulty)
                continue
            if example.truncated:
                findings.add(LONG_TEXT, located.place, f"{text_of(located.row)[:60]!r}")
            if name == "train":
                examples += [example] * located.repeat
            usable.append(located)
        sets[name] = usable
    return examples
