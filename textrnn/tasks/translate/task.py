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

from textrnn.batching import Limits, Shape, TokenBatch, pad, ragged_array, ragged_ids
from textrnn.errors import UserError
from textrnn.layers.losses import token_cross_entropy
from textrnn.layers.masking import MASKED
from textrnn.layers.ragged import row_ids
from textrnn.tasks.columns import TranslationColumn
from textrnn.tasks.metrics import Metric
from textrnn.tasks.task import (
    Answer,
    Metrics,
    Outputs,
    Row,
    Task,
    field,
)
from textrnn.tasks.translate.beam_search import search
from textrnn.tasks.translate.hypotheses import (
    alignment,
    combinations,
    hypotheses,
    sentence_alignments,
)
from textrnn.tasks.translate.network import Translator
from textrnn.tasks.translate.option_arrays import (
    BeamRequest,
    beam_arrays,
    beam_parameters,
    max_output_tokens,
)
from textrnn.tasks.translate.options import TranslateOptions
from textrnn.tasks.translate.reading import (
    ExampleReader,
    TranslateConfig,
    TranslateExample,
    TranslateWindow,
)
from textrnn.tasks.translate.scored import SCORED, scored
from textrnn.tasks.translate.terms import PHRASES
from textrnn.tasks.translate.writing import restore
from textrnn.text import BOS, EOS, PAD, UNK, CopyingTokenizer, Tokenizer
from textrnn.text.passages import rejoin
from textrnn.text.validation import validate_text

FORGETTING = -30.0
"""Added to the logit of EOS while a hypothesis has not copied all words that it must copy."""


class TranslateBatch(TokenBatch):
    """For training with `target` and `before`, otherwise with the beam search parameters of
    textrnn.tasks.translate.options."""

    target: NotRequired[Int[Any, "rows target"]]
    before: NotRequired[Int[Any, "rows target"]]
    """The token before each token of the target, beginning with BOS."""
    phrase_of: NotRequired[Int[Any, " tokens"]]
    """The phrase that translates each source token, or PHRASES."""


BLEU = Metric("bleu", "BLEU")
CHRF = Metric("chrf", "chrF")
BLEU_MOSES = Metric("bleu_moses", "BLEU (lower case, Moses)")


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
            return self._reader.pair(text, row, options)
        return self._reader.text(text, row, options)

    @cached_property
    def _reader(self) -> ExampleReader:
        room = min(self.limits.length, self.shapes()[0].tokens)
        return ExampleReader(self.config, self.tokenizer, self.limits, room)

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
        arrays = beam_arrays(requests, shape, longest, self._continues_word, self._folded)
        return cast(
            TranslateBatch, {**tokens, **arrays, "phrase_of": ragged_array(phrase_of, shape.tokens)}
        )

    @cached_property
    def _continues_word(self) -> np.ndarray:
        return self.tokenizer.continues_word()

    @cached_property
    def _folded(self) -> np.ndarray:
        return self.tokenizer.folded_ids()

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
                example.parts,
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


def _texts(answers: Sequence[Answer], rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    return [answer["text"] for answer in answers], [field(row, "target") for row in rows]
