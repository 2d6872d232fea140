"""Generate: go on with a text, token by token; or say how likely a text is.

    row         {"prompt": "ROMEO:"} is gone on with, {"text": "ROMEO: O, that"} is scored
    windows     each reads or writes a piece, and leaves its memory to the next one
    answer      {"text": " O, that I were a glove", "finish_reason": "length"}

A memory has one size, whatever was read and written. So streams of any age and length run together
in a batch, and join and leave it between two windows.
"""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field, PositiveInt

from textrnn.batching import Shape, pad
from textrnn.errors import InvalidText, UserError
from textrnn.tasks.generate.capture import join
from textrnn.tasks.generate.network import Generator, GeneratorConfig, Past
from textrnn.tasks.generate.options import SamplingOptions, check, sampling, shown, watch
from textrnn.tasks.generate.output import GeneratedText
from textrnn.tasks.generate.sequence import (
    GenerationSequence,
    WindowLimits,
    WindowOutput,
    given_to,
    nothing_of,
)
from textrnn.tasks.generate.state import GenerationState, decode_state, encode_state, stack
from textrnn.tasks.generate.steps import decode, nothing_captured, prefill
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
from textrnn.text import BOS, EOS, PAD, UNK, ByteTokenizer, CharTokenizer
from textrnn.text.validation import checked

WINDOW = 256
"""Characters behind which the windowed loss forgets everything."""


class GenerateConfig(GeneratorConfig):
    forgetting: float = Field(default=0.05, ge=0, le=1)
    """How often, in training, a stream forgets its past between two stretches, so that the model
    knows what to do without one."""
    limit: PositiveInt = 2**26
    """Tokens of the longest text that is scored."""
    prompt: PositiveInt = 2**15
    """Tokens of the longest prompt. More is read in pieces, with the state."""


class GenerateOptions(SamplingOptions, Options):
    return_state: bool = False
    """Whether to answer the state behind the text, for a row that goes on with it."""
    echo: bool = False
    """Whether to answer also of the prompt what is asked of each character."""
    window: PositiveInt | None = None
    """When scoring: forget everything behind so many tokens."""


@dataclass(frozen=True)
class GenerateExample(Example):
    """A text as one stream, or as the stretches that are scored each by itself. `ids` are what was
    given."""

    parts: Sequence[GenerationSequence]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def windows(self) -> Sequence[GenerationSequence]:
        return [part for part in self.parts if len(part)]

    @property
    def written(self) -> str:
        draft = self.parts[0].draft
        return "" if draft is None else draft.text[: draft.settled]


def _metrics(kind: str, condition: str) -> tuple[Metric, ...]:
    titles = {
        "loss": f"loss, {condition} (nats)",
        "bits": f"bits per character, {condition}",
        "perplexity": f"perplexity, {condition}",
    }
    return tuple(Metric(f"{kind}_{n}", title, lower_is_better=True) for n, title in titles.items())


WINDOWED = _metrics("windowed", f"forgetting every {WINDOW}")
STATEFUL = _metrics("stateful", "state carried on")


class Generate(Task):
    name = "generate"
    input = "prompt"
    in_streams = True
    config_type = GenerateConfig
    options_type = GenerateOptions
    pipeline_tag = "text-generation"
    metrics = (*WINDOWED, *STATEFUL)
    config: GenerateConfig
    tokenizer: CharTokenizer | ByteTokenizer

    @classmethod
    def fit(cls, config, tokenizer, buckets, rows):
        if not isinstance(tokenizer, CharTokenizer | ByteTokenizer):
            raise UserError(
                "generation needs the tokenizer 'chars' or 'bytes', this one is "
                f"{tokenizer.kind!r}; set tokenizer.kind"
            )
        return cls(config, tokenizer, buckets)

    @property
    def limit(self) -> int:
        return self.config.prompt

    def build(self, rngs):
        return Generator(self.config, len(self.tokenizer), rngs=rngs)

    def read(self, row: Row, options: GenerateOptions, gold: bool = False) -> Example:
        writes = "prompt" in row and not gold
        text = checked(row["prompt"] if writes else field(row, "text"))
        if gold:
            ids = np.concatenate([[BOS], self.tokenizer.encode(text).ids, [EOS]])
            return Example(ids.astype(np.int32), False)
        check(options, self.config.encoder.hidden, self._symbols)
        limit = self.config.prompt if writes else self.config.limit
        ids = self.tokenizer.encode(text, at_most=limit + 1).ids
        truncated = bool(text or not writes) and cut(len(ids), limit, options.truncate)
        ids = ids[:limit]
        if writes:
            draft = GeneratedText(options.max_characters, options.stop)
            parts = [self._stream(ids, self._memory(row, options), options, draft)]
        elif options.window is None:
            parts = [self._stream(ids, self._memory(row, options), options)]
        else:
            parts = self._windowed(ids, options, options.window)
        return GenerateExample(ids, truncated, parts)

    def _memory(self, row: Row, options: GenerateOptions) -> GenerationState:
        """What a row begins with."""
        state = self._fresh
        if row.get("state") is not None:
            state = decode_state(row["state"], state)
        elif options.seed is None:
            state = state._replace(seed=np.uint32(secrets.randbits(32)))
        if options.seed is not None:
            state = state._replace(seed=np.uint32(options.seed))
        return state

    @cached_property
    def _fresh(self) -> GenerationState:
        """Of a stream that has read nothing."""
        past = jax.tree.map(lambda a: np.asarray(a)[0], self.config.past(1))
        rest: Any = {
            "last": np.int32(BOS),
            "used": np.zeros(len(self.tokenizer), bool),
            "seed": np.uint32(0),
            "drawn": np.int32(0),
            "grammar": np.int32(0),
        }
        return GenerationState(past, **rest)

    def _windowed(
        self, ids: np.ndarray, options: GenerateOptions, size: int
    ) -> list[GenerationSequence]:
        """Each stretch knows the token before it, and nothing else."""
        if len(ids) < 2:
            raise InvalidText("text is too short: one token alone predicts nothing", "too_short")
        fresh = self._fresh
        return [
            self._stream(ids[s + 1 : s + 1 + size], fresh._replace(last=ids[s]), options)
            for s in range(0, len(ids) - 1, size)
        ]

    def _stream(
        self,
        ids: np.ndarray,
        state: GenerationState,
        options: GenerateOptions,
        draft: GeneratedText | None = None,
    ) -> GenerationSequence:
        pace = WindowLimits(reads=self.buckets.limit, writes=self.buckets.lengths[0])
        echoes = draft is None or options.echo
        return GenerationSequence(
            state, ids, pace, options, draft, options.return_state, echoes
        ).laid_out()

    def collate(self, examples: Sequence[GenerationSequence], shape: Shape) -> Batch:
        missing = shape.rows - len(examples)
        lengths = [len(example.ids) for example in examples] + [0] * missing
        state = stack([example.state for example in examples] + [self._fresh] * missing)
        return {
            "ids": pad([example.ids for example in examples], shape, PAD),
            "lengths": np.array(lengths, np.int32),
            "draw": np.array([example.draw for example in examples] + [0] * missing, np.int32),
            "memory": state,
            "sampling": sampling([example.options for example in examples], state),
            "watch": watch([example.options for example in examples], shape.rows),
        }

    def past(self, rows: int) -> Past:
        return self.config.past(rows)

    def loss_onward(self, model: Generator, batch, key, past):
        """The cross-entropy of each token after the first of `ids`, a stretch of each stream."""
        ids, rows = jnp.asarray(batch["ids"]), len(batch["ids"])
        dropping, forgetting, hiding = jax.random.split(key, 3)
        forgets = jax.random.bernoulli(forgetting, self.config.forgetting, (rows,))
        fresh = batch["fresh"] | forgets
        past = jax.tree.map(lambda a: jnp.where(fresh[:, None], 0, a), past)
        # BOS stands for an unknown past, and is what an empty prompt begins with.
        begins = fresh & jax.random.bernoulli(hiding, 0.5, (rows,))
        before = ids[:, :-1].at[:, 0].set(jnp.where(begins, BOS, ids[:, 0]))
        logits, past = model(before, batch["lengths"], past, dropping)
        right = jnp.take_along_axis(logits, ids[:, 1:].T[..., None], axis=-1)[..., 0]
        losses = jax.nn.logsumexp(logits, axis=-1) - right
        return losses.sum(), jnp.float32(losses.size), jax.lax.stop_gradient(past)

    def loss(self, model: Generator, batch, key):
        total, weight, _ = self.loss_onward(model, batch, key, self.past(len(batch["ids"])))
        return total, weight

    def predict(self, model: Generator, batch) -> WindowOutput:
        state = jax.tree.map(jnp.asarray, batch["memory"])
        ids, lengths = batch["ids"], batch["lengths"]
        capturing = jax.tree.map(jnp.asarray, batch["watch"])
        state, seen = jax.lax.cond(
            (lengths > 0).any(),
            lambda: prefill(model, state, ids, lengths, capturing),
            lambda: (state, nothing_captured(*ids.shape)),
        )
        room = self.buckets.lengths[0]
        grammar = self.tokenizer.grammar
        asked = batch["sampling"]
        state, written = decode(model, state, batch["draw"], asked, grammar, room, capturing)
        return WindowOutput(state, seen, written)

    def following(
        self, example: GenerateExample, outputs: Sequence[WindowOutput]
    ) -> GenerateExample | None:
        onward = self._onward(example, outputs)
        return onward if onward.windows else None

    def _onward(self, example: GenerateExample, outputs: Sequence[WindowOutput]) -> GenerateExample:
        found = iter(outputs)
        parts = [
            part.after(next(found), self.tokenizer) if len(part) else part for part in example.parts
        ]
        return replace(example, parts=parts)

    def answer(self, outputs: Sequence[WindowOutput], example: GenerateExample) -> Answer:
        onward = self._onward(example, outputs)
        stream, options = onward.parts[-1], onward.parts[-1].options
        draft = stream.draft
        if draft is None:
            # Of a stretch that is scored by itself the first token was given.
            whole = self.tokenizer.grammar.whole(example.ids)[1 if options.window else 0 :]
            seen = given_to(onward.parts, whole)
            answer: Answer = _totals(float(seen.likelihood.sum()), len(seen.likelihood))
            answer |= {"window": options.window} if options.window else {}
            answer |= shown(seen, options, self._symbols)
        else:
            answer = {
                "text": draft.text,
                "finish_reason": draft.finish_reason,
                "seed": int(stream.state.seed),
                **self.details(onward, 0, len(draft.text)),
            }
        if options.return_state:
            answer["state"] = encode_state(stream.state)
        answer["unknown_characters"] = int((example.ids == UNK).sum())
        return answer | ({"truncated": True} if example.truncated else {})

    def details(self, example: GenerateExample, start: int, end: int | None) -> Answer:
        """With what is seen of the prompt before the first character, if that was asked for."""
        (stream,) = example.parts
        draft, options = stream.draft, stream.options
        assert draft is not None
        written = join([nothing_of(options), *draft.seen]).part(start, end)
        found = shown(written, options, self._symbols)
        if options.echo and not start:
            whole = self.tokenizer.grammar.whole(example.ids)
            found["prompt"] = shown(given_to([stream], whole), options, self._symbols)
        return found

    @property
    def _symbols(self) -> Sequence[str]:
        return self.tokenizer.symbols if isinstance(self.tokenizer, CharTokenizer) else ()

    def readings(self, thorough: bool) -> Sequence[GenerateOptions]:
        windowed = GenerateOptions(truncate=True, window=WINDOW)
        return [windowed, GenerateOptions(truncate=True)] if thorough else [windowed]

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        kind = "windowed" if "window" in answers[0] else "stateful"
        likelihood = sum(answer["log_likelihood"] for answer in answers)
        characters = sum(answer["characters"] for answer in answers)
        named = _totals(likelihood, characters)
        return {f"{kind}_{name}": named[name] for name in ("loss", "bits", "perplexity")}

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        return WINDOWED


def _totals(log_likelihood: float, characters: int) -> Answer:
    """`loss` is in nats, `bits` in bits per character."""
    loss = -log_likelihood / characters
    return {
        "log_likelihood": log_likelihood,
        "characters": characters,
        "loss": loss,
        "bits": loss / math.log(2),
        "perplexity": math.exp(loss),
    }
