"""Text classification: one label or any number of labels, with calibrated probabilities."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, NotRequired, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int
from pydantic import Field, PositiveFloat

from textrnn.batching import Limits, Shape, TokenBatch, ragged_ids
from textrnn.errors import InvalidText, UserError
from textrnn.tasks.calibration import best_thresholds, expected_calibration_error, fit_temperature
from textrnn.tasks.classify.explanation import POINTS, explain, explanation_json
from textrnn.tasks.classify.network import Classifier, ClassifierConfig
from textrnn.tasks.classify.options import ClassifyOptions, ScoreFunction
from textrnn.tasks.classify.spans import label_spans, split_units
from textrnn.tasks.columns import EntityColumn, ExplanationColumn, ScoredLabel
from textrnn.tasks.metrics import ACCURACY, CALIBRATION_ERROR, LOG_LOSS, Metric
from textrnn.tasks.task import (
    Answer,
    CalibratedTask,
    Example,
    Metrics,
    Outputs,
    Row,
    Window,
    cut,
    encode,
    field,
)
from textrnn.text import Tokenizer
from textrnn.text.treebank import Offsets
from textrnn.text.validation import validate_text

EXPLAINED = 256
"""Tokens of the longest text that can be explained. The model runs on it POINTS times."""
SPLIT = 2048
"""Tokens of the longest text that can be split into spans, but at most SPLIT_LENGTHS times those of
the longest text of the model."""
SPLIT_LENGTHS = 4


class ClassifyConfig(ClassifierConfig):
    labels: tuple[str, ...] = ()
    """The labels in the order of the outputs; if empty, the sorted labels of the training rows."""
    multi_label: bool = False
    """Whether a text has any number of labels (field `labels`) instead of one (field `label`)."""
    at_least_one: bool = False
    """With `multi_label`: assign the most probable label if no label reaches its threshold."""
    class_weights: Literal["equal", "balanced"] | dict[str, PositiveFloat] = "equal"
    """Weights of the labels in the loss; `balanced` ones are inverse to the label's frequency."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Probability mass that is spread over all labels in the loss."""
    temperature: PositiveFloat = 1.0
    """Divisor of the logits, fitted to the development data by training (Guo et al. 2017)."""
    thresholds: tuple[float, ...] = ()
    """With `multi_label`: the probability from which each label is assigned; empty means 0.5."""


class Units(NamedTuple):
    """The units of a text, each with the window that reads it."""

    text: str
    offsets: Sequence[Offsets]
    windows: Sequence[Window]


@dataclass(frozen=True)
class ClassifyExample(Example):
    options: ClassifyOptions
    candidates: Sequence[int]
    """Indices of the labels to choose from."""
    target: np.ndarray | None = None
    """[labels]; 1 for the labels of the row. None without gold."""
    explained: tuple[str, Sequence[Offsets]] | None = None
    """The text and the spans of its tokens, if an explanation is requested."""
    units: Units | None = None
    """Present if the spans of the text are requested."""

    @property
    def width(self) -> int:
        return 1 if self.explained is None else POINTS

    @property
    def windows(self) -> Sequence[Window]:
        """The text as a whole, and then its units."""
        return (self,) if self.units is None else (self, *self.units.windows)


MACRO_F1 = Metric("macro_f1", "macro F1")
MICRO_F1 = Metric("micro_f1", "micro F1")
MACRO_RECALL = Metric("macro_recall", "macro recall")
ACCURACY_IN_SET = Metric("accuracy_in_set", "accuracy among the labels of the set")
"""Chosen among the labels that the rows have, as if others were not offered: how well a model of
three classes tells the two poles apart."""


class ClassifyBatch(TokenBatch):
    temperature: Float[Any, " rows"]
    """An input, so that a recalibrated task needs no other program."""
    candidates: NotRequired[Bool[Any, "rows labels"]]
    """The labels to choose from. Present in shapes that compute explanations, which depend on it;
    elsewhere `answer` chooses."""
    targets: NotRequired[Float[Any, "rows labels"]]
    """Present if the examples have gold."""


class ClassifyRows(NamedTuple):
    """The outputs for the rows of a batch, or for one of them."""

    logits: Float[Array, "rows labels"]
    baseline: Float[Array, " rows"] | None = None
    """The score of an uninformative text, if explanations are requested. The outputs for tokens are
    their attributions."""


@dataclass(frozen=True, eq=False)
class Classify(CalibratedTask[ClassifyConfig, ClassifyExample, ClassifyBatch]):
    name = "classify"
    config_type = ClassifyConfig
    options_type = ClassifyOptions
    pipeline_tag = "text-classification"
    row_fields = ("text", "label")
    metrics = (
        ACCURACY, ACCURACY_IN_SET, MACRO_RECALL, MICRO_F1, MACRO_F1, LOG_LOSS, CALIBRATION_ERROR,
    )  # fmt: skip

    @classmethod
    def fit(
        cls, config: ClassifyConfig, tokenizer: Tokenizer, limits: Limits, rows: Sequence[Row]
    ) -> Self:
        counts = Counter(name for row in rows for name in _gold(row, config.multi_label))
        labels = config.labels or tuple(sorted(counts))
        missing = [label for label in labels if not counts[label]]
        unknown = sorted(set(counts) - set(labels))
        if len(labels) < 2 and not config.multi_label:
            raise UserError(f"a classifier needs two labels or more, the rows have {list(labels)}")
        if unknown:
            raise UserError(f"the rows have labels that the config does not name: {unknown}")
        if missing:
            raise UserError(f"no training row has the labels {missing}")
        weights = config.class_weights
        if weights == "balanced":
            mean = sum(counts.values()) / len(labels)
            weights = {label: mean / counts[label] for label in labels}
        elif isinstance(weights, dict) and set(weights) != set(labels):
            raise UserError(f"class_weights names {sorted(weights)}, the labels are {list(labels)}")
        settled = {"labels": labels, "class_weights": weights}
        return cls(config.model_copy(update=settled), tokenizer, limits)

    def build(self, rngs: nnx.Rngs) -> Classifier:
        return Classifier(self.config, len(self.tokenizer), len(self.config.labels), rngs=rngs)

    def read(self, row: Row, options: ClassifyOptions, gold: bool = False) -> ClassifyExample:
        text = validate_text(field(row, "text"))
        if not text.strip():  # tokens to a model of characters
            cut(0, self.limit, options.truncate)  # raises InvalidText
        ids, truncated = encode(self, text, options.truncate, options.html)
        candidates = self._candidates(options)
        target = self._target(row) if gold else None
        explained = self._explained(text, len(ids), options.html) if options.explain else None
        units = self._units(text, options) if options.spans else None
        return ClassifyExample(ids, truncated, options, candidates, target, explained, units)

    def _candidates(self, options: ClassifyOptions) -> Sequence[int]:
        """Raises InvalidText."""
        labels = self.config.labels
        if not options.candidate_labels:
            return range(len(labels))
        chosen = set(options.candidate_labels)
        if not chosen <= set(labels):
            raise InvalidText(
                "candidate_labels has a label that this model does not have; it has "
                f"{', '.join(labels)}",
                "unknown_label",
                option="candidate_labels",
            )
        return [index for index, label in enumerate(labels) if label in chosen]

    def _units(self, text: str, options: ClassifyOptions) -> Units:
        """Raises InvalidText."""
        if self.config.multi_label:
            raise InvalidText(
                "spans need a model that gives a text one label, this one gives any number of them",
                "no_spans",
                option="spans",
            )
        normal = self.tokenizer.normalization.apply(text, options.html)
        units, windows, tokens = split_units(normal.text), [], 0
        for start, end in units:
            ids, _ = encode(self, normal.text[start:end], truncate=True)
            windows.append(ClassifyExample(ids, False, options, ()))
            tokens += len(ids) - 2
            if tokens > self._longest_split:
                raise InvalidText(
                    f"text is too long for spans: it has more than {self._longest_split} tokens; "
                    "split it, or do without the spans",
                    "spans_too_long",
                    limit=self._longest_split,
                )
        offsets = [(start, end) for start, end in normal.original(units).tolist()]
        return Units(text, offsets, windows)

    @property
    def _longest_split(self) -> int:
        return min(SPLIT, SPLIT_LENGTHS * self.limit)

    def _explained(self, text: str, length: int, html: bool) -> tuple[str, Sequence[Offsets]]:
        """Raises InvalidText."""
        longest = min(EXPLAINED, self.limits.length)
        if length > longest:
            raise InvalidText(
                f"text is too long to be explained: it has more than {longest - 2} tokens; shorten "
                "it, or do without the explanation",
                "explanation_too_long",
                limit=longest - 2,
            )
        spans = self.tokenizer.read(text, html=html).spans
        return text, [(int(start), int(end)) for start, end in spans]

    def shapes(self) -> list[Shape]:
        # Explanations run one by one: each costs as much as a batch of POINTS texts.
        explained = Shape(1, min(EXPLAINED, self.limits.length), POINTS)
        return [*super().shapes(), explained]

    @property
    def costliest(self) -> int:
        explained = min(EXPLAINED, self.limits.length) * POINTS
        split = self.limits.length + 3 * self._longest_split  # units of one token, BOS and EOS
        return max(super().costliest, explained, split)

    def _target(self, row: Row) -> np.ndarray:
        target = np.zeros(len(self.config.labels), np.float32)
        for label in _gold(row, self.config.multi_label):
            if label not in self.config.labels:
                known = ", ".join(self.config.labels)
                raise UserError(f"unknown label {label!r}; the labels are {known}")
            target[self.config.labels.index(label)] = 1
        return target

    def collate(self, windows: Sequence[ClassifyExample], shape: Shape) -> ClassifyBatch:
        temperature = np.full(shape.rows, self.config.temperature, np.float32)
        batch: ClassifyBatch = {
            **ragged_ids([window.ids for window in windows], shape),
            "temperature": temperature,
        }
        if shape.width > 1:
            batch["candidates"] = np.ones((shape.rows, len(self.config.labels)), bool)
            for row, window in zip(batch["candidates"], windows, strict=False):
                row[:] = np.isin(np.arange(len(row)), window.candidates)
        if windows and windows[0].target is not None:
            targets = np.zeros((shape.rows, len(self.config.labels)), np.float32)
            targets[: len(windows)] = [window.target for window in windows]
            batch["targets"] = targets
        return batch

    def loss(
        self, model: Classifier, batch: ClassifyBatch, key: Array
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        assert "targets" in batch, "the examples were read without gold"
        logits = model(batch["ids"], batch["lengths"], key)
        targets = batch["targets"]
        labels = self.config.labels
        smooth = self.config.label_smoothing
        real = (batch["lengths"] > 0).astype(jnp.float32)
        weights = self.config.class_weights
        by_label = jnp.array([weights[n] if isinstance(weights, dict) else 1.0 for n in labels])
        if self.config.multi_label:
            targets = targets * (1 - smooth) + smooth / 2
            losses = jax.nn.softplus(logits) - targets * logits
            losses = (losses * jnp.where(batch["targets"] > 0, by_label, 1.0)).sum(axis=-1)
            return (losses * real).sum(), real.sum()
        weight = real * (targets * by_label).sum(axis=-1)
        targets = targets * (1 - smooth) + smooth / len(labels)
        losses = -(targets * jax.nn.log_softmax(logits)).sum(axis=-1)
        return (losses * weight).sum(), weight.sum()

    def predict(self, model: Classifier, batch: ClassifyBatch) -> Outputs:
        logits = model(batch["ids"], batch["lengths"])
        if "candidates" not in batch:
            return Outputs(ClassifyRows(logits))
        label = jnp.where(batch["candidates"], logits, -jnp.inf).argmax(axis=-1)
        score = self._score(label, batch["candidates"], batch["temperature"])
        explained = explain(model, batch["ids"], batch["lengths"], score)
        return Outputs(ClassifyRows(logits, explained.baseline), explained.attributions)

    def _score(
        self,
        label: Int[Array, " rows"],
        candidates: Bool[Array, "rows labels"],
        temperature: Float[Array, " rows"],
    ) -> Callable[[Float[Array, "copied_rows labels"]], Float[Array, " copied_rows"]]:
        """The probability of each row's label as a function of the logits of one or more copies of
        each row."""

        def score(logits: Float[Array, "copied_rows labels"]) -> Float[Array, " copied_rows"]:
            copies = len(logits) // len(label)
            scaled = logits / jnp.tile(temperature, copies)[:, None]
            scaled = jnp.where(jnp.tile(candidates, (copies, 1)), scaled, -jnp.inf)
            each = jax.nn.sigmoid(scaled) if self.config.multi_label else jax.nn.softmax(scaled)
            return jnp.take_along_axis(each, jnp.tile(label, copies)[:, None], axis=-1)[:, 0]

        return score

    def answer(self, outputs: Sequence[Outputs], example: ClassifyExample) -> Answer:
        output, *units = outputs
        options, candidates = example.options, example.candidates
        labels = [self.config.labels[i] for i in candidates]
        logits = output.rows.logits[candidates]
        probabilities = self._probabilities(logits)
        function = options.function_to_apply
        applied = probabilities if function is None else self._applied(logits, function)
        order = np.argsort(-probabilities, kind="stable")
        scores = [{"label": labels[i], "score": float(applied[i])} for i in order[: options.top_k]]
        answer: Answer = {**scores[0]}
        if self.config.multi_label:
            reached = probabilities >= self._thresholds()[candidates]
            if self.config.at_least_one and not reached.any():
                reached[order[0]] = True
            answer["labels"] = [labels[i] for i in order if reached[i]]
        answer["scores"] = scores
        if example.units is not None:
            unit_logits = [unit.rows.logits[candidates] for unit in units]
            answer["spans"] = self._spans(unit_logits, labels, example.units)
        if example.explained is not None:
            answer["explanation"] = explanation_json(
                answer["label"], float(output.rows.baseline), output.tokens, *example.explained
            )
        return answer | ({"truncated": True} if example.truncated else {})

    def _spans(
        self, logits: Sequence[np.ndarray], labels: Sequence[str], units: Units
    ) -> list[dict[str, Any]]:
        scores = np.array(logits, np.float64) / self.config.temperature
        spans = []
        for first, end, label, probability in label_spans(scores):
            place = slice(units.offsets[first][0], units.offsets[end - 1][1])
            spans.append(
                {
                    "text": units.text[place],
                    "label": labels[label],
                    "start": place.start,
                    "end": place.stop,
                    "score": probability,
                }
            )
        return spans

    def columns(self, options: ClassifyOptions) -> dict[str, Any]:
        columns: dict[str, Any] = {"label": str, "score": float}
        if self.config.multi_label:
            columns["labels"] = list[str]
        if options.top_k is not None:
            columns["scores"] = list[ScoredLabel]
        if options.explain:
            columns["explanation"] = ExplanationColumn
        if options.spans:
            columns["spans"] = list[EntityColumn]
        return columns | ({"truncated": bool} if options.truncate else {})

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return self._applied(logits, "sigmoid" if self.config.multi_label else "softmax")

    def _applied(self, logits: np.ndarray, function: ScoreFunction) -> np.ndarray:
        if function == "none":
            return np.asarray(logits, np.float64)
        logits = np.asarray(logits, np.float64) / self.config.temperature
        if function == "sigmoid":
            return 1 / (1 + np.exp(-logits))
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    def _thresholds(self) -> np.ndarray:
        return np.array(self.config.thresholds or (0.5,) * len(self.config.labels))

    def calibrated(
        self, model: Classifier | None, outputs: Sequence[Sequence[Outputs]], rows: Sequence[Row]
    ) -> Self:
        """With the temperature of the smallest log loss, and the thresholds of the best F1."""
        targets = np.array([self._target(row) for row in rows])
        logits = np.array([output.rows.logits for (output,) in outputs], np.float64)
        temperature = fit_temperature(logits, targets, self.config.multi_label)
        task = self._with(temperature=temperature)
        if self.config.multi_label:
            task = task._with(thresholds=best_thresholds(task._probabilities(logits), targets))
        return task

    def _with(self, **settings: float | tuple[float, ...]) -> Self:
        return replace(self, config=self.config.model_copy(update=settings))

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        from sklearn.metrics import f1_score  # heavy, and only evaluation needs it

        targets = np.array([self._target(row) for row in rows])
        probabilities = np.array([self._in_order(answer) for answer in answers])
        chosen = np.zeros_like(targets)
        for index, answer in enumerate(answers):
            for label in answer.get("labels", [answer["label"]]):
                chosen[index, self.config.labels.index(label)] = 1

        def f1(average: Literal["micro", "macro"]) -> float:
            undefined: Any = 0.0  # F1 of a label that is neither true nor assigned
            return float(f1_score(targets, chosen, average=average, zero_division=undefined))

        metrics: Metrics = {}
        if self.config.multi_label:
            metrics["micro_f1"] = f1("micro")
            likelihood = np.where(targets > 0, probabilities, 1 - probabilities)
            calibration = expected_calibration_error(probabilities.ravel(), targets.ravel())
        else:
            right = (targets * chosen).sum(axis=-1)
            present = targets.any(axis=0)
            among = np.where(present, probabilities, -1).argmax(axis=-1)[:, None]
            metrics["accuracy"] = float(right.mean())
            metrics["accuracy_in_set"] = float(np.take_along_axis(targets, among, -1).mean())
            recalls = (right @ targets)[present] / targets.sum(axis=0)[present]
            metrics["macro_recall"] = float(recalls.mean())
            likelihood = (targets * probabilities).sum(axis=-1)
            best = probabilities.argmax(axis=-1)[:, None]
            calibration = expected_calibration_error(
                np.take_along_axis(probabilities, best, -1), np.take_along_axis(targets, best, -1)
            )
        metrics["macro_f1"] = f1("macro")
        metrics["log_loss"] = float(-np.log(np.maximum(likelihood, 1e-12)).mean())
        metrics["calibration_error"] = calibration
        return metrics

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        of_one_label = (ACCURACY, ACCURACY_IN_SET, MACRO_RECALL)
        unused = of_one_label if self.config.multi_label else (MICRO_F1,)
        return tuple(metric for metric in self.metrics if metric not in unused)

    def _in_order(self, answer: Answer) -> list[float]:
        scores = {entry["label"]: float(entry["score"]) for entry in answer["scores"]}
        return [scores[label] for label in self.config.labels]


def _gold(row: Row, multi_label: bool) -> list[str]:
    """The labels of a row. Raises UserError if they are missing or not strings."""
    labels = field(row, "labels") if multi_label else [field(row, "label")]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        expected = "labels must be a list of strings" if multi_label else "label must be a string"
        raise UserError(f"{expected}, found {labels if multi_label else labels[0]!r}")
    return labels
