"""Classify: one text to one label, or to any number of labels, with calibrated probabilities."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveFloat, PositiveInt

from textrnn.batching import Shape
from textrnn.errors import InvalidText, UserError
from textrnn.tasks.calibration import best_thresholds, expected_calibration_error, fit_temperature
from textrnn.tasks.classify.explanation import POINTS, explain, explanation_json
from textrnn.tasks.classify.integrated_gradients import Attributions
from textrnn.tasks.classify.network import Classifier, ClassifierConfig
from textrnn.tasks.metrics import ACCURACY, CALIBRATION_ERROR, LOG_LOSS, Metric
from textrnn.tasks.task import (
    Answer,
    Batch,
    Example,
    Metrics,
    Options,
    Row,
    Task,
    encode,
    field,
    pad_ids,
)
from textrnn.text.treebank import Span

EXPLAINED = 256
"""Tokens of the longest text that is explained, each of which is read POINTS times."""


class ClassifyConfig(ClassifierConfig):
    labels: tuple[str, ...] = ()
    """In the order of the outputs. Left empty, the labels of the training rows, sorted."""
    multi_label: bool = False
    """Whether a text has any number of labels, given as `labels`, instead of one `label`."""
    at_least_one: bool = False
    """In a multi-label task: whether each text has some label, so that the best one is given where
    none reaches its threshold."""
    class_weights: Literal["equal", "balanced"] | dict[str, PositiveFloat] = "equal"
    """Weights of the labels in the loss; balanced ones are inverse to the label's frequency."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    temperature: PositiveFloat = 1.0
    """What logits are divided by. Training fits it to development data (Guo et al. 2017)."""
    thresholds: tuple[float, ...] = ()
    """In a multi-label task, the probability from which each label is given; empty means 0.5."""


class ClassifyOptions(Options):
    top_k: PositiveInt | None = None
    """How many of the scores to answer; all, if not given."""
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = None
    """What makes scores of logits: softmax over all labels, a sigmoid for each, or nothing; the
    model's own, if not given. Which labels are answered does not depend on it."""
    explain: bool = False
    """Answer also what each token has to do with the score of the likeliest label."""


@dataclass(frozen=True)
class ClassifyExample(Example):
    options: ClassifyOptions
    target: np.ndarray | None
    """One number for each label, 1 for those that the row has; None without gold."""
    explained: tuple[str, Sequence[Span]] | None = None
    """The text and where its tokens are, if it is to be explained."""

    @property
    def width(self) -> int:
        return 1 if self.explained is None else POINTS


MACRO_F1 = Metric("macro_f1", "macro F1")
MICRO_F1 = Metric("micro_f1", "micro F1")


class ExplainedOutput(NamedTuple):
    """What a batch that is explained comes to."""

    logits: Float[Array, "rows labels"]
    attributions: Attributions


class Classify(Task):
    name = "classify"
    config_type = ClassifyConfig
    options_type = ClassifyOptions
    pipeline_tag = "text-classification"
    metrics = (ACCURACY, MICRO_F1, MACRO_F1, LOG_LOSS, CALIBRATION_ERROR)
    config: ClassifyConfig

    @classmethod
    def fit(cls, config, tokenizer, buckets, rows):
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
        return cls(config.model_copy(update=settled), tokenizer, buckets)

    def build(self, rngs):
        return Classifier(self.config, len(self.tokenizer), len(self.config.labels), rngs=rngs)

    def read(self, row, options, gold=False):
        text = field(row, "text")
        ids, truncated = encode(self, text, options.truncate)
        target = self._target(row) if gold else None
        explained = self._explained(text, len(ids)) if options.explain else None
        return ClassifyExample(ids, truncated, options, target, explained)

    def _explained(self, text: str, length: int) -> tuple[str, Sequence[Span]]:
        """Raises InvalidText."""
        longest = max(self._explained_lengths)
        if length > longest:
            raise InvalidText(
                f"text is too long to be explained: it has more than {longest - 2} tokens; ask for "
                "a part of it, or without an explanation",
                "explanation_too_long",
                limit=longest - 2,
            )
        return text, [(int(start), int(end)) for start, end in self.tokenizer.encode(text).spans]

    @property
    def _explained_lengths(self) -> list[int]:
        return [length for length in self.buckets.lengths if length <= EXPLAINED] or [
            self.buckets.lengths[0]
        ]

    def shapes(self):
        # Texts are explained one by one, whatever the budget: it is a long run for a few.
        alone = [Shape(1, length, POINTS) for length in self._explained_lengths]
        return [*alone, *super().shapes()]

    def _target(self, row: Row) -> np.ndarray:
        target = np.zeros(len(self.config.labels), np.float32)
        for label in _gold(row, self.config.multi_label):
            if label not in self.config.labels:
                known = ", ".join(self.config.labels)
                raise UserError(f"unknown label {label!r}; the labels are {known}")
            target[self.config.labels.index(label)] = 1
        return target

    def collate(self, examples: Sequence[ClassifyExample], shape: Shape) -> Batch:
        batch = pad_ids(examples, shape)
        if shape.width > 1:
            batch["explained"] = np.ones(shape.rows, bool)
        if examples and examples[0].target is not None:
            batch["targets"] = np.zeros((shape.rows, len(self.config.labels)), np.float32)
            batch["targets"][: len(examples)] = [example.target for example in examples]
        return batch

    def loss(self, model, batch, key):
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

    def predict(self, model: Classifier, batch) -> Array | ExplainedOutput:
        logits = model(batch["ids"], batch["lengths"])
        if "explained" not in batch:
            return logits
        label = logits.argmax(axis=-1)
        return ExplainedOutput(
            logits, explain(model, batch["ids"], batch["lengths"], self._score(label))
        )

    def _score(self, label: Int[Array, " rows"]) -> Callable[[Array], Array]:
        """The probability of each row's label, of logits of one or more copies of each row."""

        def score(logits: Float[Array, "copies labels"]) -> Float[Array, " copies"]:
            warmed = logits / self.config.temperature
            each = jax.nn.sigmoid(warmed) if self.config.multi_label else jax.nn.softmax(warmed)
            chosen = jnp.repeat(label, len(logits) // len(label))
            return jnp.take_along_axis(each, chosen[:, None], axis=-1)[:, 0]

        return score

    def answer(self, outputs: Sequence[Any], example: ClassifyExample) -> Answer:
        (found,) = outputs
        attributions: Any = None
        if isinstance(found, ExplainedOutput):
            found, attributions = found
        options, logits = example.options, np.asarray(found)
        probabilities = self._probabilities(logits)
        applied = self._applied(logits, options.function_to_apply)
        order = np.argsort(-probabilities, kind="stable")
        scores = [
            {"label": self.config.labels[i], "score": float(applied[i])}
            for i in order[: options.top_k]
        ]
        answer: Answer = {**scores[0]}
        if self.config.multi_label:
            reached = probabilities >= self._thresholds()
            if self.config.at_least_one and not reached.any():
                reached[order[0]] = True
            answer["labels"] = [self.config.labels[i] for i in order if reached[i]]
        answer["scores"] = scores
        if example.explained is not None:
            answer["explanation"] = explanation_json(
                answer["label"], attributions, *example.explained
            )
        return answer | ({"truncated": True} if example.truncated else {})

    def columns(self, answer: Answer, options: ClassifyOptions) -> Answer:
        if options.top_k is not None:
            return answer
        return {name: value for name, value in answer.items() if name != "scores"}

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return self._applied(logits, "sigmoid" if self.config.multi_label else "softmax")

    def _applied(self, logits: np.ndarray, function: str | None) -> np.ndarray:
        if function is None:
            return self._probabilities(logits)
        if function == "none":
            return np.asarray(logits, np.float64)
        logits = np.asarray(logits, np.float64) / self.config.temperature
        if function == "sigmoid":
            return 1 / (1 + np.exp(-logits))
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    def _thresholds(self) -> np.ndarray:
        return np.array(self.config.thresholds or (0.5,) * len(self.config.labels))

    def calibrated(self, model: Any, outputs: Sequence[Any], rows: Sequence[Row]) -> "Classify":
        targets = np.array([self._target(row) for row in rows])
        logits = np.array([logits for (logits,) in outputs], np.float64)
        temperature = fit_temperature(logits, targets, self.config.multi_label)
        task = self._with(temperature=temperature)
        if self.config.multi_label:
            task = task._with(thresholds=best_thresholds(task._probabilities(logits), targets))
        return task

    def _with(self, **settings: Any) -> "Classify":
        return Classify(self.config.model_copy(update=settings), self.tokenizer, self.buckets)

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        from sklearn.metrics import f1_score  # heavy, and only evaluation needs it

        targets = np.array([self._target(row) for row in rows])
        probabilities = np.array([self._in_order(answer) for answer in answers])
        chosen = np.zeros_like(targets)
        for index, answer in enumerate(answers):
            for label in answer.get("labels", [answer["label"]]):
                chosen[index, self.config.labels.index(label)] = 1

        def f1(average: Literal["micro", "macro"]) -> float:
            never: Any = 0.0  # a label that is neither true nor given
            return float(f1_score(targets, chosen, average=average, zero_division=never))

        metrics: Metrics = {}
        if self.config.multi_label:
            metrics["micro_f1"] = f1("micro")
            likelihood = np.where(targets > 0, probabilities, 1 - probabilities)
            expected = expected_calibration_error(probabilities.ravel(), targets.ravel())
        else:
            metrics["accuracy"] = float((targets * chosen).sum(axis=-1).mean())
            likelihood = (targets * probabilities).sum(axis=-1)
            best = probabilities.argmax(axis=-1)[:, None]
            expected = expected_calibration_error(
                np.take_along_axis(probabilities, best, -1), np.take_along_axis(targets, best, -1)
            )
        metrics["macro_f1"] = f1("macro")
        metrics["log_loss"] = float(-np.log(np.maximum(likelihood, 1e-12)).mean())
        metrics["calibration_error"] = expected
        return metrics

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        unused = ACCURACY if self.config.multi_label else MICRO_F1
        return tuple(metric for metric in self.metrics if metric is not unused)

    def _in_order(self, answer: Answer) -> list[float]:
        scores: dict[str, Any] = {entry["label"]: entry["score"] for entry in answer["scores"]}
        return [scores[label] for label in self.config.labels]


def _gold(row: Row, multi_label: bool) -> list[str]:
    """The labels of a row. Raises UserError where they are missing or not text."""
    labels = field(row, "labels") if multi_label else [field(row, "label")]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        expected = "labels must be a list of strings" if multi_label else "label must be a string"
        raise UserError(f"{expected}, found {labels if multi_label else labels[0]!r}")
    return labels
