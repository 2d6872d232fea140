"""Rows as examples of translation: texts to translate, given translations, training pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, PositiveInt

from textrnn.batching import Limits
from textrnn.errors import InvalidText, UserError
from textrnn.tasks.task import Example, Row, cut, field
from textrnn.tasks.translate.network import TranslatorConfig
from textrnn.tasks.translate.options import TranslateOptions
from textrnn.tasks.translate.terms import PHRASES, Term, find_terms, including, read_sentence
from textrnn.tasks.translate.writing import Writing, plain_writing
from textrnn.text import EOS, UNK, CopyingTokenizer
from textrnn.text.formality import Formality, has_formality
from textrnn.text.normalized import Normalized
from textrnn.text.numbers import rewrite_number
from textrnn.text.passages import passages
from textrnn.text.tokenizer import Tokens
from textrnn.text.treebank import Offsets
from textrnn.text.truecasing import OPENING
from textrnn.text.validation import validate_text
from textrnn.text.whole_words import WordEncoder

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
    """That of the sentence; with `forced`, that of the given translation."""
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


@dataclass(frozen=True)
class ExampleReader:
    """Reads the rows of one model."""

    config: TranslateConfig
    tokenizer: CopyingTokenizer
    limits: Limits
    room: int
    """Tokens that all phrases of a sentence have at most."""

    def text(self, text: str, row: Row, options: TranslateOptions) -> TranslateExample:
        """A text to translate; or with its translation in `row`, if that is to be scored."""
        normal = self.tokenizer.normalization.apply(text)
        if not normal.text.strip():
            cut(0, self.config.limit, options.truncate)  # raises InvalidText
        spans = self._passages(normal.text)
        if options.score_target:
            return self._given(normal.text, spans, row, options)
        terms = find_terms(normal.text, options)
        spans = including(spans, terms)
        parts: list[TranslateWindow] = []
        left, truncated = self.config.limit, False
        for start, end in spans:
            sentence = normal.part(start, end)
            window = self._sentence(text, sentence, _within(terms, start, end), options)
            truncated |= window.truncated
            if len(window) > left:
                truncated = cut(self.config.limit + 1, self.config.limit, options.truncate)
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
        plain, writing = plain_writing(sentence.text)
        if self.tokenizer.source.lowers(plain):
            writing = writing._replace(initial=True)
        tokens, words, phrases, phrase_of = read_sentence(
            plain, terms, self.tokenizer, most + 1, self.room
        )
        too_long = len(tokens.ids) > most
        if too_long and not options.truncate:
            raise _sentence_too_long(most)
        ids = np.append(tokens.ids[:most], self._end(options.formality)).astype(np.int32)
        spans = sentence.original(tokens.spans)
        copied = tokens.ids == UNK
        if _capital_after_copied(plain, tokens, self.tokenizer.source):
            writing = writing._replace(initial=True, after_copied=True)
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
                translation, other = target[first:last], other._replace(capitals=False)
            elif self.tokenizer.target.lowers(translation):
                other = other._replace(initial=True)
            source, output = self.tokenizer.encode_scored(
                plain, translation, most + 1, self._rewritten
            )
            if _capital_after_copied(translation, output.tokens, self.tokenizer.target):
                other = other._replace(initial=True, after_copied=True)
            if max(len(source.tokens.ids), len(output.tokens.ids)) > most:
                raise _sentence_too_long(most)
            ids = np.append(source.tokens.ids, self._end(options.formality)).astype(np.int32)
            forced = np.append(output.tokens.ids, EOS).astype(np.int32)
            parts.append(
                TranslateWindow(
                    ids,
                    truncated=False,
                    words=output.words,
                    writing=other,
                    spans=source.tokens.spans,
                    target=None,
                    beam=1,
                    options=options,
                    forced=forced,
                )
            )
        ids = np.concatenate([np.empty(0, np.int32), *(window.ids for window in parts)])
        if len(ids) > self.config.limit:
            cut(len(ids), self.config.limit, truncate=False)  # raises InvalidText
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

    def pair(self, text: str, row: Row, options: TranslateOptions) -> TranslateExample:
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


def _capital_after_copied(text: str, tokens: Tokens, encoder: WordEncoder) -> bool:
    """Whether a sentence begins with what is copied, and a word follows that has a capital only
    where a sentence begins."""
    copied = tokens.spans[tokens.ids == UNK]
    if not len(copied):
        return False
    start, end = copied[0].tolist()
    return not text[:start].strip(OPENING + " ") and encoder.lowers(text[end:])


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
