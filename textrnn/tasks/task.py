"""The contract of a task: six verbs, in the order in which data meets them.

    read      a row of text -> an example of ids               training, serving, scoring
    collate   examples, shape -> a batch of arrays             training, serving, scoring
    loss      model, batch, key -> sum of losses, weight       training
    predict   model, batch -> arrays, one entry per row        serving, scoring
    answer    the arrays of one row, example -> JSON           serving, scoring
    score     answers, rows with gold -> metrics               evaluation

A task is immutable: a config, a tokenizer and the grid of shapes. The weights are elsewhere.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from textrnn.batching import Buckets, Shape, pad
from textrnn.config import Config
from textrnn.errors import InvalidText, UserError
from textrnn.parameters import Params, split
from textrnn.tasks.metrics import Metric
from textrnn.text import BOS, EOS, PAD, Tokenizer
from textrnn.text.validation import checked

Row = Mapping[str, Any]
"""One JSON object: {"text": ..., "label": ...} and the like."""
Answer = dict[str, Any]
Batch = dict[str, Any]
Metrics = dict[str, float]


class Options(Config):
    """What a caller may ask for with a text. Tasks add their own."""

    truncate: bool = False
    """Read the beginning of a text that is over the limit, and mark the answer `truncated`;
    otherwise such a text is an error."""


@dataclass(frozen=True)
class Example:
    """A row as a model reads it. Tasks add their own."""

    ids: np.ndarray
    truncated: bool

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """Hypotheses that it is to be run with, where a task searches."""
        return 1

    @property
    def windows(self) -> Sequence[Any]:
        """What of it the model runs on, each by itself, with a length and a width. A task that
        takes its texts in pieces has several; else an example is its own only window."""
        return (self,)

    @property
    def written(self) -> str:
        """Of a text that is written piece by piece, what will stay as it is."""
        return ""


class Task(ABC):
    """One kind of question to ask of text, from the row that comes in to the JSON that goes out."""

    name: ClassVar[str]
    input: ClassVar[str] = "text"
    """The field of a row that a text alone is."""
    in_streams: ClassVar[bool] = False
    """Whether it is trained on whole texts, from end to end, rather than on rows in any order."""
    config_type: ClassVar[type[Config]]
    options_type: ClassVar[type[Options]]
    pipeline_tag: ClassVar[str]
    """The task as Hugging Face names it, in model cards and by its Inference API."""
    metrics: ClassVar[tuple[Metric, ...]]
    """Every metric that `score` can return."""

    def __init__(self, config: Any, tokenizer: Tokenizer, buckets: Buckets):
        self.config = config
        self.tokenizer = tokenizer
        self.buckets = buckets

    @classmethod
    def fit(cls, config: Any, tokenizer: Tokenizer, buckets: Buckets, rows: Sequence[Row]) -> Self:
        """The task with all that its config leaves open settled from the training rows."""
        return cls(config, tokenizer, buckets)

    @property
    def limit(self) -> int:
        """Tokens of the longest text that is read: here what one window holds, less its ends."""
        return self.buckets.limit - 2

    @property
    def costliest(self) -> int:
        """Tokens, padding included, of the text that has most of them."""
        return max(shape.length * shape.width for shape in self.shapes())

    def shapes(self) -> list[Shape]:
        """All shapes that its texts may run in, those first that are wanted first."""
        return self.buckets.shapes()

    def padded(self, window: Any) -> int:
        """The tokens that a window costs: its length, padded to the grid, for each hypothesis."""
        lengths, widths = self.buckets.lengths, self.buckets.widths
        length = next(length for length in lengths if length >= len(window))
        return length * next((w for w in widths if w >= window.width), window.width)

    @abstractmethod
    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        """A model with fresh weights."""

    def structure(self) -> tuple[nnx.GraphDef, Params]:
        """The model without weights: its graph, and the shape of each parameter by name."""
        return split(nnx.eval_shape(lambda: self.build(nnx.Rngs(0))))

    @abstractmethod
    def read(self, row: Row, options: Any, gold: bool = False) -> Example:
        """Raises InvalidText for a text that cannot be taken, UserError for a row without `gold`
        where that is asked for."""

    @abstractmethod
    def collate(self, examples: Sequence[Any], shape: Shape) -> Batch:
        """Arrays with `shape.rows` in front; rows past the examples are empty and weigh nothing.
        Gold is there exactly if the examples have it."""

    @abstractmethod
    def loss(self, model: Any, batch: Any, key: Array) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The sum of the losses and of the weights: sums, so that nothing averages averages."""

    def past(self, rows: int) -> Any:
        """What a batch of streams hands on to the next one: arrays with one entry per row."""
        return ()

    def loss_onward(
        self, model: Any, batch: Any, key: Array, past: Any
    ) -> tuple[Float[Array, ""], Float[Array, ""], Any]:
        """The same, and the past for the next batch."""
        return *self.loss(model, batch, key), past

    @abstractmethod
    def predict(self, model: Any, batch: Any) -> Any:
        """Arrays (a pytree) with one entry per row of the batch."""

    def following(self, example: Any, outputs: Sequence[Any]) -> Example | None:
        """What is to run after `example`, whose windows came to `outputs`, before there can be an
        answer: None, unless a task goes through its texts piece by piece."""
        return None

    @abstractmethod
    def answer(self, outputs: Sequence[Any], example: Any) -> Answer:
        """The JSON answer for one row, from what `predict` returned for each of its windows."""

    def details(self, example: Any, start: int, end: int | None) -> Answer:
        """What there is to say of these characters of what is written, beside the characters."""
        return {}

    def columns(self, answer: Answer, options: Any) -> Answer:
        """What of an answer belongs into a table, beside the columns of its row."""
        return answer

    @abstractmethod
    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        """Metrics of full answers against rows with gold."""

    def readings(self, thorough: bool) -> Sequence[Any]:
        """The options that rows are evaluated with, once for each; `thorough` adds what takes too
        long to be done after every epoch."""
        return [self.options_type(truncate=True)]

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        """The metrics that every evaluation during training returns for this config. The first one
        chooses the best weights, unless the recipe names another."""
        return self.metrics

    def table(self, answers: Sequence[Answer], rows: Sequence[Row]) -> str:
        """What there is to say beyond the metrics, as a table for people; or nothing."""
        return ""

    def calibrated(self, model: Any, outputs: Sequence[Any], rows: Sequence[Row]) -> Self:
        """The task with its probabilities fitted to development rows, where it has any to fit.

        `outputs` holds for each row what `predict` returned for each of its windows.
        """
        return self


def encode(task: Task, text: Any, truncate: bool) -> tuple[np.ndarray, bool]:
    """BOS, the ids of `text`, EOS; and whether the text was cut. Raises InvalidText."""
    text = checked(text)
    ids = task.tokenizer.encode(text, at_most=task.limit + 1).ids
    truncated = cut(len(ids), task.limit, truncate)
    return np.concatenate([[BOS], ids[: task.limit], [EOS]]).astype(np.int32), truncated


def cut(tokens: int, limit: int, truncate: bool) -> bool:
    """Whether a text of so many tokens is to be cut. Raises InvalidText where it may not be, and
    where there are none."""
    if not tokens:
        raise InvalidText("text is empty: it holds nothing but white space", "empty")
    if tokens > limit and not truncate:
        raise InvalidText(
            f"text is too long: it has more than {limit} tokens, the limit of this model; "
            "split it, or allow truncation",
            "too_long",
            limit=limit,
        )
    return tokens > limit


def field(row: Row, name: str) -> Any:
    """The value of a field that must be there. Raises UserError."""
    if name not in row:
        found = ", ".join(row) or "none"
        raise UserError(f"there is no {name!r}; what there is: {found}; name the column to use")
    return row[name]


def pad_ids(examples: Sequence[Example], shape: Shape) -> Batch:
    """`ids` [rows, length] and `lengths` [rows] of a batch."""
    lengths = np.zeros(shape.rows, np.int32)
    lengths[: len(examples)] = [len(example) for example in examples]
    return {"ids": pad([example.ids for example in examples], shape, PAD), "lengths": lengths}
