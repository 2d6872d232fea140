"""What a check of training data finds: kinds of findings, how many there are and where.

A row that cannot be used is refused: nothing is trained until it is corrected, or its source says
`skip_faulty`. Everything else is counted and used as the kind states.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from textrnn.config import Config
from textrnn.errors import UserError

EXAMPLES = 5
"""Places that are kept of each finding."""
_DETAIL = 300
"""Characters of a detail that are kept."""

Outcome = Literal["refused", "left out", "counted"]
_SKIP = "correct them, or leave them out with skip_faulty = true"


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding."""

    name: str
    """In JSON."""
    title: str
    refused: bool
    """Whether nothing is trained while there is one."""
    remedy: str
    """What to do, or what training does."""


UNREADABLE = FindingKind("unreadable", "rows that cannot be read", True, _SKIP)
NO_TEXT = FindingKind("no_text", "rows without text", True, _SKIP)
NO_LABEL = FindingKind(
    "no_label", "rows without a label", True,
    "correct them, or leave them out with skip_faulty = true or drop_labels",
)  # fmt: skip
BAD_TAGS = FindingKind("bad_tags", "rows with invalid tags or entities", True, _SKIP)
INVALID = FindingKind("invalid", "rows that the task cannot take", True, _SKIP)
UNKNOWN_LABEL = FindingKind(
    "unknown_label", "rows with a label that the model does not have", True,
    "add training rows with it, rename it with label_names, or leave it out with drop_labels",
)  # fmt: skip
NO_ROWS = FindingKind(
    "no_rows", "sets without rows", True, "check the path and the filters of the source"
)
RECIPE = FindingKind(
    "recipe", "reasons why the recipe does not fit the data", True, "correct the recipe"
)
REPAIRED_TAGS = FindingKind(
    "repaired_tags", "sentences with tags that violate their scheme", False,
    "they are read as conlleval reads them",
)  # fmt: skip
CUT_WORDS = FindingKind(
    "cut_words", "entities that begin or end inside a word", False,
    "they are widened to whole words",
)  # fmt: skip
SIMILAR_LABELS = FindingKind(
    "similar_labels", "labels that differ only in case or white space", False,
    "they are separate labels; make them one with label_names",
)  # fmt: skip
RARE_LABEL = FindingKind(
    "rare_label", "labels with fewer than 5 training examples", False,
    "add examples, or leave the label out with drop_labels",
)  # fmt: skip
UNMEASURED_LABEL = FindingKind(
    "unmeasured_label", "labels without a development example", False,
    "the metrics say nothing about them",
)  # fmt: skip
DUPLICATE = FindingKind(
    "duplicate", "rows that repeat a row of their set", False, "they count as often as they occur"
)
CONFLICT = FindingKind(
    "conflict", "rows that repeat a text of their set with another label", False,
    "all are used; correct the wrong ones",
)  # fmt: skip
LEAK = FindingKind(
    "leak", "development rows whose text is a training text", False,
    "they are used; metrics are too good with many of them",
)  # fmt: skip
LONG_TEXT = FindingKind(
    "long_text", "texts that are longer than the model reads", False,
    "their beginning is used; raise train.lengths or limits.length, or split them with words",
)  # fmt: skip

KINDS = (
    UNREADABLE, NO_TEXT, NO_LABEL, BAD_TAGS, INVALID, UNKNOWN_LABEL, NO_ROWS, RECIPE, REPAIRED_TAGS,
    CUT_WORDS, SIMILAR_LABELS, RARE_LABEL, UNMEASURED_LABEL, DUPLICATE, CONFLICT, LEAK, LONG_TEXT,
)  # fmt: skip
"""All kinds, in the order in which they are shown."""


class RowError(UserError):
    """A row that cannot be used. The place is added where it is known."""

    def __init__(self, kind: FindingKind, message: str):
        super().__init__(message)
        self.kind = kind


class Occurrence(Config):
    """One of the things found."""

    place: str
    """File and line."""
    detail: str


class Finding(Config):
    """A kind of finding: how many there are, and the first ones."""

    kind: str
    title: str
    outcome: Outcome
    count: int
    remedy: str
    examples: tuple[Occurrence, ...]

    @property
    def line(self) -> str:
        """What was found, how often, and what to do or what happens."""
        rule = "they are left out" if self.outcome == "left out" else self.remedy
        return f"{self.title}: {self.count:,} ({rule})"


class Findings:
    """Collects findings."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[FindingKind, Outcome]] = Counter()
        self._examples: dict[tuple[FindingKind, Outcome], list[Occurrence]] = {}

    def add(self, kind: FindingKind, place: str, detail: str, left_out: bool = False) -> None:
        """Add one. `left_out`: the row is skipped, by a rule of its kind or as its source says."""
        outcome: Outcome = "left out" if left_out else "refused" if kind.refused else "counted"
        self._counts[kind, outcome] += 1
        examples = self._examples.setdefault((kind, outcome), [])
        if len(examples) < EXAMPLES:
            examples.append(Occurrence(place=place, detail=" ".join(detail.split())[:_DETAIL]))

    def all(self) -> tuple[Finding, ...]:
        """Everything found, what is refused first."""
        order = sorted(self._counts, key=lambda key: (key[1] != "refused", KINDS.index(key[0])))
        return tuple(
            Finding(
                kind=kind.name, title=kind.title, outcome=outcome, remedy=kind.remedy,
                count=self._counts[kind, outcome], examples=tuple(self._examples[kind, outcome]),
            )
            for kind, outcome in order
        )  # fmt: skip

    def refuse(self) -> None:
        """Raise UserError if anything found is refused: the first one, and how many more."""
        refused = [finding for finding in self.all() if finding.outcome == "refused"]
        if not refused:
            return
        first = refused[0]
        count = sum(finding.count for finding in refused)
        more = f"; the first of {count:,} faults, which `textrnn data check` lists"
        raise UserError(
            f"{first.examples[0].place}: {first.examples[0].detail}{more if count > 1 else ''}; "
            f"{first.remedy}"
        )
