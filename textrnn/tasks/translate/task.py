"""Translate: a text of one language to a text of another, sentence by sentence.

    text        Tom paid 42.50. - Why?
    sentences   ▁Tom ▁paid ▁ <unk> .        ▁Why ?
    found       ▁Tom ▁zahlte ▁ <unk> .      ▁Warum ?
    answer      Tom zahlte 42.50. - Warum?

With another recipe it is any work that makes one sequence of another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field, PositiveInt

from textrnn.batching import Shape, pad
from textrnn.errors import InvalidText, UserError
from textrnn.tasks.metrics import Metric
from textrnn.tasks.task import (
    Answer,
    Batch,
    Example,
    Metrics,
    Options,
    Row,
    Task,
    cut,
    field,
)
from textrnn.tasks.translate.beam_search import NEVER, SearchResult, search
from textrnn.tasks.translate.hypotheses import alignment, combinations, hypotheses
from textrnn.tasks.translate.network import Translator, TranslatorConfig
from textrnn.tasks.translate.options import BeamRequest, BeamSearchOptions, arrays, room, settings
from textrnn.text import BOS, EOS, PAD, UNK, CopyingTokenizer
from textrnn.text.passages import passages, rejoin
from textrnn.text.treebank import Span
from textrnn.text.validation import checked

FORGETTING = -30.0
"""Added to the logit of an end before all words that are to be copied have been."""


ALIGNED = 256
"""Tokens of the longest text whose alignment is answered: a matrix grows with their square."""


class TranslateConfig(TranslatorConfig):
    source_language: str = ""
    """By its code, as in `en`. Empty where source and target are no languages."""
    target_language: str = ""
    sentences: bool = True
    """Whether a text is read sentence by sentence, or whole."""
    limit: PositiveInt = 4096
    """Tokens of the longest text."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    beam_size: PositiveInt = 5
    """Of a search for which no other is asked."""
    length_penalty: float = Field(default=1.0, ge=0, le=5)


class TranslateOptions(BeamSearchOptions, Options):
    alternatives: int = Field(default=0, ge=0)
    """How many more translations to answer, the likeliest first."""
    alignment: bool = False
    """Answer also the tokens of both sides, and how much each looked at each."""


@dataclass(frozen=True)
class Window(Example):
    """A sentence."""

    words: Sequence[str]
    """What its UNKs stand for."""
    target: np.ndarray | None
    """Tokens of the translation, with EOS; None without gold."""
    beam: int
    options: TranslateOptions

    def __len__(self) -> int:
        return max(len(self.ids), 0 if self.target is None else len(self.target))

    @property
    def width(self) -> int:
        return self.beam


@dataclass(frozen=True)
class TranslateExample(Example):
    text: str
    spans: Sequence[Span]
    """Where in the text the sentences are."""
    parts: Sequence[Window]
    options: TranslateOptions

    @property
    def windows(self) -> Sequence[Window]:
        return self.parts


BLEU = Metric("bleu", "BLEU")
CHRF = Metric("chrf", "chrF")
BLEU_MOSES = Metric("bleu_moses", "BLEU (lower case, Moses)")


class Translate(Task):
    name = "translate"
    config_type = TranslateConfig
    options_type = TranslateOptions
    pipeline_tag = "translation"
    metrics = (BLEU, CHRF, BLEU_MOSES)
    config: TranslateConfig
    tokenizer: CopyingTokenizer

    @classmethod
    def fit(cls, config, tokenizer, buckets, rows):
        if not isinstance(tokenizer, CopyingTokenizer):
            raise UserError(
                f"translation needs the tokenizer 'copying', this one is {tokenizer.kind!r}; set "
                "tokenizer.kind, or start from a bundle that has it"
            )
        if config.beam_size > buckets.widths[-1]:
            raise UserError(
                f"model.beam_size is {config.beam_size}, but the widest of buckets.widths is "
                f"{buckets.widths[-1]}"
            )
        return cls(config, tokenizer, buckets)

    @property
    def limit(self) -> int:
        return self.config.limit

    @property
    def costliest(self) -> int:
        # Each sentence has two tokens at least, a letter and EOS.
        return self.config.limit * self.buckets.lengths[0] * self.buckets.widths[-1] // 2

    def build(self, rngs):
        return Translator(self.config, len(self.tokenizer), rngs=rngs)

    def read(
        self, row: Row, options: TranslateOptions, gold: bool = False
    ) -> TranslateExample | Window:
        text = checked(row["source"] if "source" in row else field(row, "text"))
        if gold:
            return self._pair(text, row, options)
        if not text.strip():
            cut(0, self.limit, options.truncate)  # says that it is empty
        spans = passages(text) if self.config.sentences else [(0, len(text))]
        parts: list[Window] = []
        left, truncated = self.limit, False
        for start, end in spans:
            window = self._sentence(text[start:end], options)
            truncated |= window.truncated
            if len(window) > left:
                truncated = cut(self.limit + 1, self.limit, options.truncate)
                text = text[:start]
                break
            left -= len(window)
            parts.append(window)
        ids = np.concatenate([np.empty(0, np.int32), *(window.ids for window in parts)])
        if options.alignment and len(ids) > ALIGNED:
            raise InvalidText(
                f"text is too long for an alignment: it has {len(ids)} tokens, the limit is "
                f"{ALIGNED}; split it, or do without",
                "alignment_too_long",
                limit=ALIGNED,
            )
        return TranslateExample(ids, truncated, text, spans, parts, options)

    def _sentence(self, text: str, options: TranslateOptions) -> Window:
        most = self.buckets.limit - 1
        found, words = self.tokenizer.source(text, at_most=most + 1)
        long = len(found.ids) > most
        if long and not options.truncate:
            raise InvalidText(
                f"a sentence is too long: it has more than {most} tokens, the limit of this model; "
                "split it, or allow truncation",
                "sentence_too_long",
                limit=most,
            )
        ids = _ended(found.ids[:most])
        return Window(ids, long, words, None, self._beam(options), options)

    def _beam(self, options: TranslateOptions) -> int:
        widest = self.buckets.widths[-1]
        wanted = max(options.beam_size or self.config.beam_size, options.alternatives + 1)
        if wanted > widest:
            raise InvalidText(
                f"this needs a beam of {wanted}, the widest of this model is {widest}; ask for a "
                "smaller beam_size, or for fewer alternatives",
                "beam_too_wide",
                limit=widest,
            )
        return wanted

    def _pair(self, text: str, row: Row, options: TranslateOptions) -> Window:
        """A whole row to train on, its sentences not taken apart. What is over the limit is cut."""
        target = field(row, "target")
        if not isinstance(target, str) or not target.strip() or not text.strip():
            side = "source" if isinstance(target, str) and target.strip() else "target"
            raise UserError(f"the {side} is empty; a pair needs text on both sides")
        pair = self.tokenizer.pair(text, checked(target))
        ids, gold = (_ended(tokens.ids)[: self.buckets.limit] for tokens in pair)
        return Window(ids, False, (), gold, 1, options)

    def collate(self, examples: Sequence[Window], shape: Shape) -> Batch:
        rows = shape.rows
        lengths = np.zeros(rows, np.int32)
        lengths[: len(examples)] = [len(example.ids) for example in examples]
        batch = {"ids": pad([e.ids for e in examples], shape, PAD), "lengths": lengths}
        targets = [example.target for example in examples if example.target is not None]
        if targets:
            target = pad(targets, shape, PAD)
            before = np.concatenate([np.full((rows, 1), BOS, np.int32), target[:, :-1]], axis=1)
            return batch | {"target": target, "before": np.where(before == EOS, PAD, before)}
        asked = [
            BeamRequest(e.beam, self._penalty(e.options), len(e.ids), e.options) for e in examples
        ]
        return batch | arrays(asked, shape)

    def _penalty(self, options: TranslateOptions) -> float:
        given = options.length_penalty
        return self.config.length_penalty if given is None else given

    def loss(self, model: Translator, batch, key):
        """The cross-entropy of the targets, whose tokens weigh 1 each, with label smoothing
        (Szegedy et al. 2016, section 7)."""
        logits = model(batch["ids"], batch["lengths"], batch["before"], key)
        target = batch["target"].T
        total = jax.nn.logsumexp(logits, axis=-1)
        right = jnp.take_along_axis(logits, target[..., None], axis=-1)[..., 0]
        smooth = self.config.label_smoothing
        losses = total - (1 - smooth) * right - smooth * logits.mean(axis=-1)
        real = (target != PAD).astype(jnp.float32)
        return (losses * real).sum(), real.sum()

    def predict(self, model: Translator, batch) -> SearchResult:
        ids, lengths = batch["ids"], batch["lengths"]
        source, state = model.begin(ids, lengths)
        asked, width = settings(batch)
        ids_of = jnp.arange(len(self.tokenizer))
        never = (ids_of == PAD) | (ids_of == BOS)
        words = (ids == UNK).sum(axis=1)

        def step(carry, token):
            # An UNK is a word that is copied: each once, and none is forgotten.
            state, left = carry
            left = left - (token == UNK)
            state, logits, weights = model.step(source, state, token)
            none = (ids_of == UNK) & (left <= 0)[:, None]
            early = jnp.where((ids_of == EOS) & (left > 0)[:, None], FORGETTING, 0)
            return (state, left), jnp.where(never | none, NEVER, logits + early), weights

        return search(step, (state, words), asked, width, room(ids.shape[1]))

    def answer(self, outputs: Sequence[SearchResult], example: TranslateExample) -> Answer:
        wanted = 1 + example.options.alternatives
        sentences = [
            hypotheses(found, window.ids, window.words, self.tokenizer, wanted)
            for found, window in zip(outputs, example.parts, strict=True)
        ]
        spans = example.spans[: len(sentences)]
        ways = [
            {"text": rejoin(example.text, spans, [h.text for h in chosen]), "score": score}
            for score, chosen in combinations(sentences, wanted)
        ]
        answer: Answer = {**ways[0]}
        if example.options.alternatives:
            answer["alternatives"] = ways[1:]
        if example.options.alignment:
            sources = [self.tokenizer.pieces(w.ids[:-1], w.words) for w in example.parts]
            answer |= alignment(sources, [found[0] for found in sentences])
        return answer | ({"truncated": True} if example.truncated else {})

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        from textrnn.tasks.translate.bleu import measure

        return measure(*_texts(answers, rows), self.config.target_language)

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        return self.metrics if self.config.target_language else (BLEU, CHRF)

    def table(self, answers: Sequence[Answer], rows: Sequence[Row]) -> str:
        from textrnn.tasks.translate.bleu import signatures

        return signatures(*_texts(answers, rows))


def _ended(ids: np.ndarray) -> np.ndarray:
    return np.append(ids, EOS).astype(np.int32)


def _texts(answers: Sequence[Answer], rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    return [answer["text"] for answer in answers], [field(row, "target") for row in rows]
