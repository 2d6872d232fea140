"""Translation: a text in another language, sentence by sentence.

    text        Tom paid 42.50. - Why?
    sentences   ▁Tom ▁paid ▁ <unk> .        ▁Why ?
    output      ▁Tom ▁zahlte ▁ <unk> .      ▁Warum ?
    answer      Tom zahlte 42,50. - Warum?

Other recipes train it on any other sequence-to-sequence task.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NotRequired, Self, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt

from textrnn.batching import Limits, Shape, TokenBatch, pad, ragged_array, ragged_ids
from textrnn.errors import InvalidText, UserError
from textrnn.layers.losses import token_cross_entropy
from textrnn.layers.masking import MASKED
from textrnn.layers.ragged import row_ids
from textrnn.tasks.columns import TranslationColumn
from textrnn.tasks.metrics import Metric
from textrnn.tasks.task import (
    Answer,
    Example,
    Metrics,
    Outputs,
    Row,
    Task,
    cut,
    field,
)
from textrnn.tasks.translate.beam_search import search
from textrnn.tasks.translate.hypotheses import (
    alignment,
    combinations,
    hypotheses,
    sentence_alignments,
)
from textrnn.tasks.translate.network import Translator, TranslatorConfig
from textrnn.tasks.translate.option_arrays import (
    BeamRequest,
    beam_arrays,
    beam_parameters,
    max_output_tokens,
)
from textrnn.tasks.translate.options import TranslateOptions
from textrnn.tasks.translate.scored import SCORED, scored
from textrnn.tasks.translate.terms import PHRASES, Term, find_terms, including, read_sentence
from textrnn.tasks.translate.writing import Writing, plain_writing, restore
from textrnn.text import BOS, EOS, PAD, UNK, CopyingTokenizer, Tokenizer
from textrnn.text.formality import Formality, has_formality
from textrnn.text.normalized import Normalized
from textrnn.text.numbers import rewrite_number
from textrnn.text.passages import passages, rejoin
from textrnn.text.treebank import Offsets
from textrnn.text.validation import validate_text

FORGETTING = -30.0
"""Added to the logit of EOS while a hypothesis has not copied all words that it must copy."""

ALIGNED = 256
"""Tokens of the longest text with an alignment, whose size grows with their square."""


class TranslateConfig(TranslatorConfig):
    source_language: str = ""
    """A language code, as in `en`; empty if source and target are not languages."""
    target_language: str = ""
    """Code of the target language."""
    sentences: bool = True
    """Whether a text is split into sentences, or translated as a whole."""
    limit: PositiveInt = 4096
    """Tokens of the longest text."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Probability mass that is spread over all tokens in the loss."""
    beam_size: PositiveInt = 5
    """The default of requests."""
    length_penalty: float = Field(default=1.0, ge=0, le=5)
    """Default exponent of the length normalisation in beam search."""


@dataclass(frozen=True)
class TranslateWindow(Example):
    """A sentence, or with gold a whole training pair."""

    words: Sequence[str]
    """What its UNK tokens stand for, as the target language writes it."""
    writing: Writing
    spans: np.ndarray
    """The spans of its tokens in the sentence, without EOS; empty with gold."""
    target: np.ndarray | None
    """Tokens of the translation, with EOS; None without gold."""
    beam: int
    options: TranslateOptions
    phrases: Sequence[np.ndarray] = ()
    """Tokens that the translation has to contain."""
    phrase_of: np.ndarray | None = None
    """The phrase that translates each token, or PHRASES; None without phrases."""
    forced: np.ndarray | None = None
    """Tokens of the translation to score, with EOS."""

    def __len__(self) -> int:
        return max(len(self.ids), 0 if self.target is None else len(self.target))

    @property
    def width(self) -> int:
        return self.beam


@dataclass(frozen=True)
class TranslateExample(Example):
    text: str
    spans: Sequence[Offsets]
    """The spans of the sentences in the text."""
    parts: Sequence[TranslateWindow]
    options: TranslateOptions

    @property
    def windows(self) -> Sequence[TranslateWindow]:
        return self.parts


BLEU = Metric("bleu", "BLEU")
CHRF = Metric("chrf", "chrF")
BLEU_MOSES = Metric("bleu_moses", "BLEU (lower case, Moses)")


class TranslateBatch(TokenBatch):
    """For training with `target` and `before`, otherwise with the beam search parameters of
    textrnn.tasks.translate.options."""

    target: NotRequired[Int[Any, "rows target"]]
    before: NotRequired[Int[Any, "rows target"]]
    """The token before each token of the target, beginning with BOS."""
    phrase_of: NotRequired[Int[Any, " tokens"]]
    """The phrase that translates each source token, or PHRASES."""


@dataclass(frozen=True, eq=False)
class Translate(Task[TranslateConfig, TranslateExample, TranslateBatch]):
    name = "translate"
    config_type = TranslateConfig
    options_type = TranslateOptions
    pipeline_tag = "translation"
    row_fields = ("source", "target")
    metrics = (BLEU, CHRF, BLEU_MOSES)
    tokenizer: CopyingTokenizer

    @classmethod
    def fit(
        cls, config: TranslateConfig, tokenizer: Tokenizer, limits: Limits, rows: Sequence[Row]
    ) -> Self:
        if not isinstance(tokenizer, CopyingTokenizer):
            raise UserError(
                f"translation needs the tokenizer 'copying', this one is {tokenizer.kind!r}; set "
                "tokenizer.kind, or start from a bundle that has it"
            )
        if config.beam_size > limits.width:
            raise UserError(
                f"model.beam_size is {config.beam_size}, but limits.width is {limits.width}"
            )
        return cls(config, tokenizer, limits)

    @property
    def limit(self) -> int:
        return self.config.limit

    @property
    def program_key(self) -> str:
        nameless = self.config.model_copy(update={"source_language": "", "target_language": ""})
        return f"{self.name}\n{nameless.to_json()}\n{self.limits.to_json()}"

    def build(self, rngs: nnx.Rngs) -> Translator:
        return Translator(self.config, len(self.tokenizer), rngs=rngs)

    def read(self, row: Row, options: TranslateOptions, gold: bool = False) -> TranslateExample:
        text = validate_text(row["source"] if "source" in row else field(row, "text"))
        if gold:
            return self._pair(text, row, options)
        normal = self.tokenizer.normalization.apply(text)
        if not normal.text.strip():
            cut(0, self.limit, options.truncate)  # raises InvalidText
        spans = self._passages(normal.text)
        if options.score_target:
            return self._given(normal.text, spans, row, options)
        terms = find_terms(normal.text, options)
        spans = including(spans, terms)
        parts: list[TranslateWindow] = []
        left, truncated = self.limit, False
        for start, end in spans:
            sentence = normal.part(start, end)
            window = self._sentence(text, sentence, _within(terms, start, end), options)
            truncated |= window.truncated
            if len(window) > left:
                truncated = cut(self.limit + 1, self.limit, options.truncate)
                text = text[: int(normal.original([(start, end)])[0, 0])]
                break
            left -= len(window)
            parts.append(window)
        ids = np.concatenate([np.empty(0, np.int32), *(window.ids for window in parts)])
        if options.alignment and len(ids) > ALIGNED:
            raise InvalidText(
                f"text is too long for an alignment: it has {len(ids)} tokens, the limit is "
                f"{ALIGNED}; split it, or do without the alignment",
                "alignment_too_long",
                limit=ALIGNED,
            )
        sent = [(int(start), int(end)) for start, end in normal.original(spans)]
        return TranslateExample(ids, truncated, text, sent, parts, options)

    def _passages(self, text: str) -> Sequence[Offsets]:
        return passages(text) if self.config.sentences else [(0, len(text))]

    def _sentence(
        self, text: str, sentence: Normalized, terms: Sequence[Term], options: TranslateOptions
    ) -> TranslateWindow:
        """A sentence of `text`, in its normal form."""
        most = self.limits.length - 1
        room = min(self.limits.length, self.shapes()[0].tokens)
        plain, writing = plain_writing(sentence.text)
        if self.tokenizer.has_sentence_capital(plain):
            writing = writing._replace(initial=True)
        tokens, words, phrases, phrase_of = read_sentence(
            plain, terms, self.tokenizer, most + 1, room
        )
        too_long = len(tokens.ids) > most
        if too_long and not options.truncate:
            raise _sentence_too_long(most)
        ids = np.append(tokens.ids[:most], self._end(options.formality)).astype(np.int32)
        spans = sentence.original(tokens.spans)
        copied = tokens.ids == UNK
        if writing.marks and copied.any() and tokens.spans[copied][-1, 1] == len(plain):
            writing = writing._replace(marks=None)  # the marks are copied
        words = [
            word
            if _is_given(span, terms)
            else type(word)(self._rewritten(text[first:last] or word))
            for word, span, (first, last) in zip(
                words, tokens.spans[copied].tolist(), spans[copied].tolist(), strict=True
            )
        ]
        start = int(sentence.original([(0, len(sentence.text))])[0, 0])
        return TranslateWindow(
            ids,
            too_long,
            words=words,
            writing=writing,
            spans=spans[:most] - start,
            target=None,
            beam=self._beam(options),
            options=options,
            phrases=phrases,
            phrase_of=np.append(phrase_of[:most], PHRASES),
        )

    def _rewritten(self, literal: str) -> str:
        """A literal of the source, as the target language writes it."""
        config = self.config
        return rewrite_number(literal, config.source_language, config.target_language)

    def _end(self, formality: Formality | None) -> int:
        """The last token of a source."""
        end = self.tokenizer.end_of_source(formality)
        if end == UNK or (formality and not has_formality(self.config.target_language)):
            raise InvalidText(
                f"this model does not know {formality} from other forms of address; leave out "
                "formality",
                "no_formality",
            )
        return end

    def _given(
        self, text: str, spans: Sequence[Offsets], row: Row, options: TranslateOptions
    ) -> TranslateExample:
        """A text with a given translation, both in their normal form, sentence by sentence if they
        have equally many."""
        target = self.tokenizer.normalization.apply(validate_text(field(row, "target"))).text
        given = self._passages(target)
        if len(given) != len(spans):
            spans, given = [(0, len(text))], [(0, len(target))]
        most = self.limits.length - 1
        parts = []
        for (start, end), (first, last) in zip(spans, given, strict=True):
            plain, writing = plain_writing(text[start:end])
            translation, other = plain_writing(target[first:last])
            if other.capitals and not writing.capitals:
                translation = target[first:last]
            source, output = self.tokenizer.encode_scored(
                plain, translation, most + 1, self._rewritten
            )
            if max(len(source.tokens.ids), len(output.tokens.ids)) > most:
                raise _sentence_too_long(most)
            ids = np.append(source.tokens.ids, self._end(options.formality)).astype(np.int32)
            forced = np.append(output.tokens.ids, EOS).astype(np.int32)
            parts.append(
                TranslateWindow(
                    ids,
                    truncated=False,
                    words=output.words,
                    writing=writing,
                    spans=source.tokens.spans,
                    target=None,
                    beam=1,
                    options=options,
                    forced=forced,
                )
            )
        ids = np.concatenate([np.empty(0, np.int32), *(window.ids for window in parts)])
        if len(ids) > self.limit:
            cut(len(ids), self.limit, truncate=False)  # raises InvalidText
        return TranslateExample(ids, False, text, spans, parts, options)

    def _beam(self, options: TranslateOptions) -> int:
        widest = self.limits.width
        beam = max(options.beam_size or self.config.beam_size, options.alternatives + 1)
        if beam > widest:
            raise InvalidText(
                f"this needs a beam of {beam}, the widest of this model is {widest}; lower "
                "beam_size or alternatives",
                "beam_too_wide",
                limit=widest,
            )
        return beam

    def _pair(self, text: str, row: Row, options: TranslateOptions) -> TranslateExample:
        """A training pair as one window, truncated to the longest one."""
        target = field(row, "target")
        if not isinstance(target, str) or not target.strip() or not text.strip():
            side = "source" if isinstance(target, str) and target.strip() else "target"
            raise UserError(f"the {side} is empty; a pair needs text on both sides")
        source, target = (
            self.tokenizer.normalization.apply(side).text for side in (text, validate_text(target))
        )
        pair = self.tokenizer.encode_pair(source, target, self._rewritten)
        truncated = any(len(tokens.ids) >= self.limits.length for tokens in pair)
        most = self.limits.length
        end = self._end(row.get("formality"))
        ids = np.append(pair[0].ids[: most - 1], end).astype(np.int32)
        gold = np.append(pair[1].ids, EOS)[:most].astype(np.int32)
        spans = np.empty((0, 2), np.int32)
        writing = Writing(capitals=False, initial=False, marks=None)
        window = TranslateWindow(ids, truncated, (), writing, spans, gold, 1, options)
        return TranslateExample(ids, truncated, text, [(0, len(text))], [window], options)

    def collate(self, windows: Sequence[TranslateWindow], shape: Shape) -> TranslateBatch:
        tokens = ragged_ids([window.ids for window in windows], shape)
        targets = [window.target for window in windows if window.target is not None]
        if targets:
            target = pad(targets, shape.rows, shape.tokens // shape.rows)
            start = np.full((shape.rows, 1), BOS, np.int32)
            before = np.concatenate([start, target[:, :-1]], axis=1)
            return {**tokens, "target": target, "before": np.where(before == EOS, PAD, before)}
        requests = [
            BeamRequest(w.ids, w.beam, self._penalty(w.options), w.options, w.phrases, w.forced)
            for w in windows
        ]
        phrase_of = [
            np.full(len(w.ids), PHRASES) if w.phrase_of is None else w.phrase_of for w in windows
        ]
        longest = min(self.limits.length, shape.tokens)
        arrays = beam_arrays(requests, shape, longest, self._continues_word)
        return cast(
            TranslateBatch, {**tokens, **arrays, "phrase_of": ragged_array(phrase_of, shape.tokens)}
        )

    @cached_property
    def _continues_word(self) -> np.ndarray:
        return self.tokenizer.continues_word()

    def _penalty(self, options: TranslateOptions) -> float:
        requested = options.length_penalty
        return self.config.length_penalty if requested is None else requested

    def loss(
        self, model: Translator, batch: TranslateBatch, key: Array
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The cross-entropy of the target tokens, each of weight 1, with label smoothing (Szegedy
        et al. 2016, section 7)."""
        assert "target" in batch, "the examples were read without gold"
        assert "before" in batch
        logits = model(batch["ids"], batch["lengths"], batch["before"], key)
        target = batch["target"].T
        losses = token_cross_entropy(logits, target, self.config.label_smoothing)
        real = (target != PAD).astype(jnp.float32)
        return (losses * real).sum(), real.sum()

    def predict(self, model: Translator, batch: TranslateBatch) -> Outputs:
        assert "phrase_of" in batch, "the examples were read with gold"
        ids, lengths, phrase_of = jnp.asarray(batch["ids"]), batch["lengths"], batch["phrase_of"]
        longest = min(self.limits.length, len(ids))
        source, state = model.begin(ids, lengths, longest)
        parameters, width = beam_parameters(cast(dict[str, np.ndarray], batch))

        def step(state, token, counts, copies):
            # An UNK copies a word of the source: each word once, and all of them.
            state, logits, weights = model.step(source, state, token, counts)
            special = (
                logits.special.at[:, jnp.array([PAD, BOS])]
                .set(MASKED)
                .at[:, UNK]
                .set(jnp.where(copies <= 0, MASKED, 0))
                .at[:, EOS]
                .set(jnp.where(copies > 0, FORGETTING, 0))
            )
            return state, logits._replace(special=special), weights

        def attention_to_terms(weights):
            rows, places = len(lengths), PHRASES + 1
            place = row_ids(lengths, len(ids)) * places + phrase_of
            sums = jax.ops.segment_sum(weights, place, rows * places, mode="drop")
            return sums.reshape(rows, places, -1)[:, :PHRASES].swapaxes(1, 2)

        most = max_output_tokens(longest)
        return Outputs(*search(step, state, parameters, width, most, attention_to_terms))

    def answer(self, outputs: Sequence[Outputs], example: TranslateExample) -> Answer:
        if example.options.score_target:
            return scored(
                [output.rows for output in outputs],
                [window.words for window in example.parts],
                self.tokenizer,
            )
        count = 1 + example.options.alternatives
        sentences = [
            [
                hypothesis.written(window.words, self._pieces(window.phrases), window.writing)
                for hypothesis in hypotheses(
                    output.rows, output.tokens, window.ids, window.words, self.tokenizer, count
                )
            ]
            for output, window in zip(outputs, example.parts, strict=True)
        ]
        spans = example.spans[: len(sentences)]
        translations: list[Answer] = []
        for score, chosen in combinations(sentences, count):
            text = rejoin(example.text, spans, [hypothesis.text for hypothesis in chosen])
            translations.append({"text": text, "score": score})
            if example.options.sentence_alignments:
                token_spans = [window.spans for window in example.parts]
                aligned = sentence_alignments(spans, token_spans, chosen)
                translations[-1]["sentences"] = aligned
        answer: Answer = {**translations[0]}
        if example.options.alternatives:
            answer["alternatives"] = translations[1:]
        if example.options.alignment:
            answer |= alignment(
                [self._source_tokens(window) for window in example.parts],
                [best for best, *_ in sentences],
            )
        return answer | ({"truncated": True} if example.truncated else {})

    def _source_tokens(self, window: TranslateWindow) -> list[str]:
        """The tokens of a sentence, with the capitals that it was sent with."""
        ids = window.ids[:-1]
        tokens = self.tokenizer.decode_subwords(ids, window.words)
        copied = np.flatnonzero(ids == UNK).tolist()
        return restore(tokens, copied, window.writing._replace(marks=None))

    def _pieces(self, phrases: Sequence[np.ndarray]) -> list[list[str]]:
        return [self.tokenizer.decode_subwords(phrase, ()) for phrase in phrases]

    def columns(self, options: TranslateOptions) -> dict[str, Any]:
        if options.score_target:
            return dict(SCORED)
        columns: dict[str, Any] = {"text": str, "score": float}
        if options.alternatives:
            columns["alternatives"] = list[TranslationColumn]
        if options.alignment:
            columns |= {
                "source_tokens": list[str],
                "tokens": list[str],
                "alignment": list[list[float]],
            }
        return columns | ({"truncated": bool} if options.truncate else {})

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        from textrnn.tasks.translate.bleu import corpus_scores

        return corpus_scores(*_texts(answers, rows), self.config.target_language)

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        return self.metrics if self.config.target_language else (BLEU, CHRF)

    def table(self, answers: Sequence[Answer], rows: Sequence[Row]) -> str:
        from textrnn.tasks.translate.bleu import bleu_report

        return bleu_report(*_texts(answers, rows))


def _sentence_too_long(most: int) -> InvalidText:
    return InvalidText(
        f"a sentence is too long: it has more than {most} tokens, the limit of this model; "
        "split it, or allow truncation",
        "sentence_too_long",
        limit=most,
    )


def _within(terms: Sequence[Term], start: int, end: int) -> list[Term]:
    """The terms in a sentence, with offsets into it."""
    return [
        term._replace(start=term.start - start, end=term.end - start)
        for term in terms
        if start <= term.start < end
    ]


def _is_given(span: Sequence[int], terms: Sequence[Term]) -> bool:
    """Whether what is copied from a span is, or contains, what a request gives for a term."""
    start, end = span
    return any(term.start < end and start < term.end for term in terms)


def _texts(answers: Sequence[Answer], rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    return [answer["text"] for answer in answers], [field(row, "target") for row in rows]
