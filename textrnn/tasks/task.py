"""The contract of a task: six verbs, in the order in which data meets them.

    read      row, options -> example                  training, serving, scoring
    collate   windows, shape -> batch of arrays        training, serving, scoring
    loss      model, batch, key -> loss, weight        training
    predict   model, batch -> outputs                  serving, scoring
    answer    outputs of one example -> JSON           serving, scoring
    score     answers, rows with gold -> metrics       evaluation

A task is an immutable value: a config, a tokenizer and the limits of a batch. It holds no weights.
`CalibratedTask` adds the calibration of probabilities, `StreamTask` texts that are processed window
by window with a state. The abstract verbs take any model, options and windows; each task declares
its own types.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, Self, TypedDict, TypeVar

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from textrnn.batching import Limits, Shape
from textrnn.config import Config
from textrnn.errors import InvalidText, UserError
from textrnn.parameters import model_structure
from textrnn.rows import Row
from textrnn.tasks.metrics import Metric
from textrnn.tasks.options import Options
from textrnn.text import BOS, EOS, Tokenizer
from textrnn.text.validation import validate_text

Answer = dict[str, Any]
Batch = Mapping[str, Any]
"""Arrays by name. Each task declares the names as a TypedDict."""
Metrics = dict[str, float]


class Window(Protocol):
    """What one row of a batch holds: an example, or a part of one."""

    @property
    def ids(self) -> np.ndarray: ...

    @property
    def width(self) -> int:
        """Hypotheses that run side by side."""
        ...

    def __len__(self) -> int:
        """Tokens, without padding."""
        ...


@dataclass(frozen=True)
class Example:
    """A row as token ids. Tasks add their own fields."""

    ids: np.ndarray
    truncated: bool

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        return 1

    @property
    def windows(self) -> Sequence[Window]:
        """The parts that the model runs on, each by itself. By default, the example as a whole."""
        return (self,)

    @property
    def later_tokens(self) -> int:
        """At most how many tokens the windows have that follow these. By default there are none."""
        return 0


class Outputs(NamedTuple):
    """What a model returns for a batch, or the part of it that belongs to one window."""

    rows: Any
    """A pytree of arrays with one entry per row of the batch; without that axis for a window."""
    tokens: Any = ()
    """A pytree of arrays with one entry per token."""


ConfigT = TypeVar("ConfigT", bound=Config)
ExampleT = TypeVar("ExampleT", bound=Example)
BatchT = TypeVar("BatchT", bound=Batch)


@dataclass(frozen=True, eq=False)
class Task(ABC, Generic[ConfigT, ExampleT, BatchT]):
    """A text-processing task, from the row of a request or file to the JSON of its answer."""

    name: ClassVar[str]
    """As in bundles and recipes."""
    pipeline_tag: ClassVar[str]
    """The task as Hugging Face names it, in model cards and by its Inference API."""
    answers_requests: ClassVar[bool] = True
    """Whether a server offers its models. Others only start models in training."""
    config_type: ClassVar[type[Config]]
    options_type: ClassVar[type[Options]]
    input: ClassVar[str] = "text"
    """The field of a row that holds the text of a request."""
    row_fields: ClassVar[tuple[str, ...]] = ("text",)
    """The fields of a training row. A recipe maps columns to them."""
    exact: ClassVar[bool] = False
    """Whether a model learns texts exactly as they are, and not their normal form."""
    metrics: ClassVar[tuple[Metric, ...]]
    """Every metric that `score` can return."""

    config: ConfigT
    tokenizer: Tokenizer
    limits: Limits

    @classmethod
    def fit(
        cls, config: ConfigT, tokenizer: Tokenizer, limits: Limits, rows: Sequence[Row]
    ) -> Self:
        """The task, with the parts of the config that are left open taken from training rows.

        Raises UserError for a config, tokenizer or rows that the task cannot be trained with.
        """
        return cls(config, tokenizer, limits)

    @abstractmethod
    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        """A model with fresh weights."""

    @cached_property
    def structure(self) -> tuple[nnx.GraphDef, dict[str, jax.ShapeDtypeStruct]]:
        """The graph of the model and the shape of each parameter."""
        return model_structure(self.build)

    @property
    def limit(self) -> int:
        """Tokens of the longest text: by default those of one window, without BOS and EOS."""
        return self.limits.length - 2

    @property
    def program_key(self) -> str:
        """What `predict` depends on, besides the batch and the parameters of the model. Tasks with
        equal keys share their compiled programs. A task whose `predict` reads more than its config
        and limits adds that."""
        return f"{self.name}\n{self.config.to_json()}\n{self.limits.to_json()}"

    def shapes(self) -> list[Shape]:
        """All shapes of batches. There are few, and they take every window."""
        return self.limits.shapes()

    @property
    def costliest(self) -> int:
        """The cost of the costliest text: its tokens times its hypotheses."""
        return self.limit * self.limits.width

    @abstractmethod
    def read(self, row: Row, options: Any, gold: bool = False) -> ExampleT:
        """The example of a row; with `gold`, also what the row labels.

        Raises InvalidText for a text that the model cannot take, and UserError if a field is
        missing.
        """

    @abstractmethod
    def collate(self, windows: Sequence[Any], shape: Shape) -> BatchT:
        """A ragged batch of this shape. Rows beyond the windows are empty and have no weight in the
        loss. Gold is included if the windows have it."""

    @abstractmethod
    def loss(
        self, model: Any, batch: BatchT, key: Array
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The sum of the losses and the sum of their weights, with dropout by `key`."""

    @abstractmethod
    def predict(self, model: Any, batch: BatchT) -> Outputs:
        """The outputs of a model for a batch."""

    @abstractmethod
    def answer(self, outputs: Sequence[Outputs], example: ExampleT) -> Answer:
        """The JSON answer, from the outputs of `predict` for each window of the example."""

    @abstractmethod
    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        """Metrics of answers to rows with gold."""

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        """The metrics that every evaluation during training returns for this config. The first one
        chooses the best weights, unless the recipe names another."""
        return self.metrics

    @abstractmethod
    def columns(self, options: Any) -> dict[str, Any]:
        """The fields of answers that become columns of a scored file, with their types: str, int,
        float, bool, list[...], dict[str, ...], a TypedDict or a mapping of fields to types. An
        answer may lack some of them."""

    def table(self, answers: Sequence[Answer], rows: Sequence[Row]) -> str:
        """Details of an evaluation as plain text, shown below the metrics; empty if none."""
        return ""


class CalibratedTask(Task[ConfigT, ExampleT, BatchT]):
    """A task whose probabilities are calibrated on development data.

    Calibrated values are part of the config. `collate` puts those that `predict` needs into the
    batch, so a recalibrated task runs the same compiled programs.
    """

    @abstractmethod
    def calibrated(
        self, model: Any, outputs: Sequence[Sequence[Outputs]], rows: Sequence[Row]
    ) -> Self:
        """The task calibrated on rows with gold. `outputs` holds, for each row, the outputs of
        `predict` for each window."""


@dataclass(frozen=True)
class StreamExample(Example, ABC):
    """An example that is processed window by window. It is finished when it has no windows left."""

    @property
    @abstractmethod
    def stable_text(self) -> str:
        """The generated text that no later window changes."""


class StreamBatch(TypedDict):
    """A batch of truncated backpropagation through time: one chunk of each of several streams, all
    of the same length."""

    ids: Int[Any, "rows length+1"]
    """The first token of a chunk only conditions the others."""
    fresh: Bool[Any, " rows"]
    """Whether the chunk is the first of its stream."""


StreamExampleT = TypeVar("StreamExampleT", bound=StreamExample)


class StreamTask(Task[ConfigT, StreamExampleT, BatchT]):
    """A task on texts of any length, processed window by window with a state of constant size.

    It is trained by truncated backpropagation through time: on chunks of streams, each with the
    carry of the chunk before it.
    """

    @abstractmethod
    def initial_carry(self, rows: int) -> Any:
        """The carry of streams that have read nothing: arrays with one entry per row."""

    @abstractmethod
    def loss_with_carry(
        self, model: Any, batch: StreamBatch, key: Array, carry: Any
    ) -> tuple[Float[Array, ""], Float[Array, ""], Any]:
        """The loss and weight of a chunk of each stream, and the carry for the next chunk."""

    def loss(self, model: Any, batch: Any, key: Array) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The loss and weight of a StreamBatch whose streams have read nothing before."""
        carry = self.initial_carry(len(batch["ids"]))
        total, weight, _ = self.loss_with_carry(model, batch, key, carry)
        return total, weight

    @abstractmethod
    def advance(self, example: StreamExampleT, outputs: Sequence[Outputs]) -> StreamExampleT:
        """The example after its windows have run, from the outputs of `predict` for each of them.
        `answer` takes a finished example, and no outputs."""

    @abstractmethod
    def details(self, example: StreamExampleT, start: int, end: int | None) -> Answer:
        """The requested details of some characters of the generated text."""

    @abstractmethod
    def evaluation_options(self, thorough: bool) -> Sequence[Options]:
        """The options of each pass over the development rows; `thorough` adds passes that take too
        long to run after every epoch."""


def encode(task: Task, text: object, truncate: bool, html: bool = False) -> tuple[np.ndarray, bool]:
    """BOS, the ids of a text, EOS; and whether the text was truncated. Raises InvalidText."""
    limit = task.limit
    ids = task.tokenizer.read(validate_text(text), limit + 1, html).ids
    truncated = cut(len(ids), limit, truncate)
    return np.concatenate([[BOS], ids[:limit], [EOS]]).astype(np.int32), truncated


def cut(tokens: int, limit: int, truncate: bool) -> bool:
    """Whether a text with this number of tokens exceeds the limit.

    Raises InvalidText for an empty text, and for one that exceeds the limit without `truncate`.
    """
    if not tokens:
        raise InvalidText("text is empty: it has no visible character", "empty")
    if tokens > limit and not truncate:
        raise InvalidText(
            f"text is too long: it has more than {limit} tokens, the limit of this model; "
            "split it, or allow truncation",
            "too_long",
            limit=limit,
        )
    return tokens > limit


def field(row: Row, name: str) -> Any:
    """The value of a required field. Raises UserError if the row does not have it."""
    if name not in row:
        fields = ", ".join(row) or "none"
        raise UserError(
            f"the row has no {name!r}; its fields are: {fields}; name the column to use"
        )
    return row[name]
