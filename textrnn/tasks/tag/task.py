"""Sequence tagging: the entities in a text, or a label for each of its words.

    text      Ada Lovelace met Mr. Babbage .
    words     Ada    Lovelace  met  Mr.    Babbage  .
    path      B-PER  E-PER     O    B-PER  E-PER    O
    entities  PER 0:12, PER 17:28

The words are given, or split from the text. Long texts run sentence by sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, NotRequired, Self, cast

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import PositiveFloat, PositiveInt

from textrnn.batching import Limits, Shape, TokenBatch, ragged_array
from textrnn.errors import UserError
from textrnn.layers.losses import token_cross_entropy
from textrnn.layers.ragged import is_token
from textrnn.layers.word_features import Spelled, collate, spell
from textrnn.tasks.calibration import expected_calibration_error
from textrnn.tasks.columns import EntityColumn, WordColumn
from textrnn.tasks.metrics import ACCURACY, CALIBRATION_ERROR, Metric
from textrnn.tasks.tag import crf, marginals, span_f1
from textrnn.tasks.tag import gold as gold_labels
from textrnn.tasks.tag.network import Tagger, TaggerConfig
from textrnn.tasks.tag.options import TagOptions
from textrnn.tasks.tag.recasing import recased
from textrnn.tasks.tag.schemes import TaggedSpan as Span
from textrnn.tasks.tag.schemes import spans, tags, tagset
from textrnn.tasks.tag.words import Words, read_words
from textrnn.tasks.task import (
    Answer,
    CalibratedTask,
    Example,
    Metrics,
    Outputs,
    Row,
)
from textrnn.text import SpelledTokenizer, Tokenizer


class TagConfig(TaggerConfig):
    labels: tuple[str, ...] = ()
    """Entity types, or labels of words; if empty, the sorted labels of the training rows."""
    entities: bool = True
    """Whether labels mark entities (some of the words), or every word has its own."""
    limit: PositiveInt = 10_000
    """Words of the longest text."""
    recase: bool = False
    """Whether text in small letters, and sentences in capitals, are read with every word
    capitalised, except in training. It pays for names if few training texts are written so."""
    temperature: PositiveFloat = 1.0
    """Divisor of the path scores, fitted to the development data by training."""


class TagTokens(NamedTuple):
    """The outputs for the tokens of a batch, or of one window."""

    path: Int[Any, " tokens"]
    """The most probable path of tags."""
    forward_backward: crf.ForwardBackward
    emissions: Float[Any, "tokens tags"]


class TagBatch(TokenBatch):
    temperature: Float[Any, " rows"]
    """An input, so that a recalibrated task needs no other program."""
    casing: NotRequired[Int[Any, " tokens"]]
    letters: NotRequired[Int[Any, "tokens letters"]]
    ngrams: NotRequired[Int[Any, "tokens ngrams"]]
    targets: NotRequired[Int[Any, " tokens"]]
    """Present if the examples have gold."""


@dataclass(frozen=True)
class TagWindow(Example):
    """A sentence, or a part of one that exceeds the longest window."""

    spelled: Spelled
    target: np.ndarray | None
    """The tag of each word; None without gold."""


@dataclass(frozen=True)
class TagExample(Example):
    words: Words
    parts: tuple[TagWindow, ...]
    options: TagOptions

    @property
    def windows(self) -> Sequence[TagWindow]:
        return self.parts


F1 = Metric("f1", "F1")
PRECISION = Metric("precision", "precision")
RECALL = Metric("recall", "recall")


@dataclass(frozen=True, eq=False)
class Tag(CalibratedTask[TagConfig, TagExample, TagBatch]):
    name = "tag"
    config_type = TagConfig
    options_type = TagOptions
    pipeline_tag = "token-classification"
    row_fields = ("tokens", "tags")
    metrics = (F1, PRECISION, RECALL, ACCURACY, CALIBRATION_ERROR)
    tokenizer: SpelledTokenizer

    @classmethod
    def fit(
        cls, config: TagConfig, tokenizer: Tokenizer, limits: Limits, rows: Sequence[Row]
    ) -> Self:
        if not isinstance(tokenizer, SpelledTokenizer):
            raise UserError(
                f"tagging needs the tokenizer 'spelled', this one is {tokenizer.kind!r}; set "
                "tokenizer.kind, or start from a bundle that has it"
            )
        used = sorted(
            {label for row in rows for label in gold_labels.labels_of(row, config.entities)}
        )
        labels = config.labels or tuple(used)
        unknown = sorted(set(used) - set(labels))
        if unknown:
            raise UserError(f"the rows have labels that the config does not name: {unknown}")
        if not labels:
            raise UserError("the training rows have no labels at all")
        return cls(config.model_copy(update={"labels": labels}), tokenizer, limits)

    @property
    def limit(self) -> int:
        return self.config.limit

    @cached_property
    def _tagset(self) -> list[str]:
        return (tagset if self.config.entities else list)(self.config.labels)

    def build(self, rngs: nnx.Rngs) -> Tagger:
        config = self.config
        return Tagger(config, self.tokenizer, self._tagset, config.entities, rngs=rngs)

    def read(self, row: Row, options: TagOptions, gold: bool = False) -> TagExample:
        words = read_words(
            row, self.tokenizer.normalization, self.limit, self.limits.length, options
        )
        labelled = self._gold(row, words) if gold else None
        normal = words.normal
        if self.config.recase and not gold:
            normal = recased(normal, words.sentences)
        windows = tuple(self._window(normal, part, labelled) for part in words.sentences)
        ids = np.concatenate([window.ids for window in windows])
        return TagExample(ids, words.truncated, words, windows, options)

    def _window(self, words: Sequence[str], part: slice, gold: Sequence[Span] | None) -> TagWindow:
        spelled = spell(words[part], self.tokenizer, self.config)
        target = None if gold is None else self._target(gold, part)
        return TagWindow(spelled.ids, False, spelled, target)

    def _gold(self, row: Row, words: Words) -> list[Span]:
        """The labelled spans of a row, by words. Raises UserError."""
        gold = gold_labels.gold_spans(row, self.config.entities)
        unknown = sorted({label for _, _, label in gold} - set(self.config.labels))
        if unknown:
            known = ", ".join(self.config.labels)
            raise UserError(f"unknown label {unknown[0]!r}; the labels are {known}")
        count = len(words.sent)
        if words.places is not None:
            gold = gold_labels.on_words(gold, words.places)
        gold = [span for span in gold if span.end <= count]
        if not self.config.entities and len(gold) != count:
            raise UserError(f"there are {count} words but {len(gold)} labels")
        try:
            tags(gold, count)
        except ValueError as error:
            raise UserError(f"entities: {error}") from None
        return gold

    def _target(self, gold: Sequence[Span], part: slice) -> np.ndarray:
        """The tags of a window."""
        inside = gold_labels.within(gold, part.start, part.stop)
        if not self.config.entities:
            return np.array([self._tagset.index(label) for _, _, label in inside], np.int32)
        names = tags(inside, part.stop - part.start)
        return np.array([self._tagset.index(tag) for tag in names], np.int32)

    def collate(self, windows: Sequence[TagWindow], shape: Shape) -> TagBatch:
        words = collate([window.spelled for window in windows], shape, self.config)
        temperature = np.full(shape.rows, self.config.temperature, np.float32)
        batch = cast(TagBatch, {**words, "temperature": temperature})
        targets = [window.target for window in windows if window.target is not None]
        if targets:
            batch["targets"] = ragged_array(targets, shape.tokens)
        return batch

    def loss(
        self, model: Tagger, batch: TagBatch, key: Array
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The negative log-likelihood of the tags of each sentence; each word has weight 1."""
        assert "targets" in batch, "the examples were read without gold"
        emissions, lengths, path = model(batch, key), batch["lengths"], batch["targets"]
        if self.config.crf:
            likelihood = crf.log_likelihood(emissions, model.chain(), path, lengths)
        else:
            losses = token_cross_entropy(emissions, path)
            likelihood = jnp.where(is_token(lengths, len(path)), -losses, 0)
        return -likelihood.sum(), lengths.sum().astype(jnp.float32)

    def predict(self, model: Tagger, batch: TagBatch) -> Outputs:
        emissions, lengths = model(batch), batch["lengths"]
        temperature = batch["temperature"][0]
        chain = crf.TransitionScores(*(part / temperature for part in model.chain()))
        scaled = emissions / temperature
        path = crf.viterbi(scaled, chain, lengths)
        forward_backward = crf.forward_backward(scaled, chain, path, lengths)
        return Outputs((), TagTokens(path, forward_backward, emissions))

    def calibrated(
        self, model: Tagger, outputs: Sequence[Sequence[Outputs]], rows: Sequence[Row]
    ) -> Self:
        """With the temperature that maximises the likelihood of the gold tags (Guo et al. 2017)."""
        options = TagOptions(truncate=True)
        pairs = [
            (output.tokens.emissions, window.target)
            for windows, row in zip(outputs, rows, strict=True)
            for output, window in zip(windows, self.read(row, options, True).parts, strict=True)
            if window.target is not None
        ]
        temperature = crf.fit_path_temperature(pairs, model.chain())
        return replace(self, config=self.config.model_copy(update={"temperature": temperature}))

    def answer(self, outputs: Sequence[Outputs], example: TagExample) -> Answer:
        entities: list[tuple[Span, float]] = []
        done = 0
        for output, window in zip(outputs, example.parts, strict=True):
            found = self._spans(output.tokens.path.tolist())
            bounds = np.array([span[:2] for span in found], np.int64).reshape(-1, 2).T
            log_scores = crf.span_log_probability(output.tokens.forward_backward, *bounds)
            scores = np.minimum(np.exp(log_scores), 1).tolist()
            for (start, end, label), score in zip(found, scores, strict=True):
                if score >= example.options.min_score:
                    entities.append((Span(done + start, done + end, label), score))
            done += len(window)
        answer: Answer = {
            "entities": [_labelled(example, *entity, self.config.entities) for entity in entities]
        }
        if example.options.tags:
            answer["tokens"] = list(example.words.sent)
            answer["tags"] = gold_labels.tags_of(
                [span for span, _ in entities], len(example.words.sent), self.config.entities
            )
        if example.options.marginals:
            each = np.concatenate([output.tokens.forward_backward.marginals for output in outputs])
            probabilities = marginals.by_label(each, self._tagset, self.config.entities)
            places = [_place(example, index, index + 1) for index in range(len(each))]
            pairs = zip(places, probabilities, strict=True)
            answer["tokens"] = [place | {"tags": by_label} for place, by_label in pairs]
        return answer | ({"truncated": True} if example.truncated else {})

    def columns(self, options: TagOptions) -> dict[str, Any]:
        columns: dict[str, Any] = {"entities": list[EntityColumn]}
        if options.tags:
            columns |= {"tokens": list[str], "tags": list[str]}
        if options.marginals:
            columns["tokens"] = list[WordColumn]
        return columns | ({"truncated": bool} if options.truncate else {})

    def _spans(self, path: Sequence[int]) -> list[Span]:
        if not self.config.entities:
            return [Span(i, i + 1, self.config.labels[tag]) for i, tag in enumerate(path)]
        return spans(self._tagset[tag] for tag in path) if any(path) else []

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        """Entity-level metrics as `conlleval` counts them; for word labels, the accuracy."""
        gold, predicted = gold_labels.gold_and_predicted(rows, answers, self.config.entities)
        counts, truth = span_f1.count_spans(gold, predicted)[0], set(gold)
        scores = np.array([entity["score"] for answer in answers for entity in answer["entities"]])
        right = np.array([float(entity in truth) for entity in predicted])
        metrics: Metrics = {"accuracy": counts.recall}
        if self.config.entities:
            metrics = {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall}
        if len(scores):
            metrics["calibration_error"] = expected_calibration_error(scores, right)
        return metrics

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        # A tagger that finds no entity, as in its first epochs, has no calibration error.
        return (F1, PRECISION, RECALL) if self.config.entities else (ACCURACY,)

    def table(self, answers: Sequence[Answer], rows: Sequence[Row]) -> str:
        gold, predicted = gold_labels.gold_and_predicted(rows, answers, self.config.entities)
        counts, types = span_f1.count_spans(gold, predicted)
        tokens, right = gold_labels.count_correct_tokens(rows, answers, self.config.entities)
        return span_f1.conlleval_table(counts, types, tokens, right / max(tokens, 1))


def _labelled(example: TagExample, span: Span, score: float, is_entity: bool) -> Answer:
    start, end, label = span
    place = _place(example, start, end)
    text = place["text"]
    if is_entity and example.words.places is not None and text[0] == "#" and text[1:2].isalnum():
        # Of the word #Berlin, the name is Berlin.
        place |= {"text": text[1:], "start": place["start"] + 1}
    return {"text": place.pop("text"), "label": label, **place, "score": score}


def _place(example: TagExample, start: int, end: int) -> Answer:
    """Text, start and end of a range of words: in characters, or in words if these were given."""
    words = example.words
    if words.places is None:
        text = " ".join(words.sent[start:end])
    else:
        start, end = words.places[start][0], words.places[end - 1][1]
        text = words.text[start:end]
    return {"text": text, "start": start, "end": end}
