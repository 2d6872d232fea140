"""Text generation: the continuation of a prompt, or the log-probability of a text.

    row         {"prompt": "ROMEO:"} is continued, {"text": "ROMEO: O, that"} is scored
    windows     each reads and writes some tokens, and passes its state to the next one
    answer      {"text": " O, that I were a glove", "finish_reason": "length"}

The state has a constant size, so sequences of any age and length can share a batch, and join and
leave it between two windows.
"""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt

from textrnn.batching import Limits, Shape, TokenBatch, ragged_ids
from textrnn.errors import InvalidText, UserError
from textrnn.layers.loops.tokens import select
from textrnn.layers.losses import token_cross_entropy
from textrnn.tasks.generate.capture import CaptureOptions, join
from textrnn.tasks.generate.network import Generator, GeneratorConfig, Past
from textrnn.tasks.generate.option_arrays import (
    capture_options,
    captured_columns,
    captured_json,
    sampling_parameters,
)
from textrnn.tasks.generate.options import GenerateOptions, check
from textrnn.tasks.generate.output import GeneratedText
from textrnn.tasks.generate.sampling import SamplingParameters
from textrnn.tasks.generate.sequence import (
    GeneratedRows,
    GenerationSequence,
    captured_input,
    no_captures,
)
from textrnn.tasks.generate.state import (
    GenerationState,
    check_size,
    decode_state,
    encode_state,
    stack,
)
from textrnn.tasks.generate.steps import decode, prefill, zero_captures
from textrnn.tasks.metrics import Metric
from textrnn.tasks.task import (
    Answer,
    Metrics,
    Outputs,
    Row,
    StreamBatch,
    StreamExample,
    StreamTask,
    cut,
    field,
)
from textrnn.text import BOS, EOS, UNK, ByteTokenizer, CharTokenizer, Tokenizer
from textrnn.text.validation import validate_text

WINDOW = 256
"""Characters per window of the windowed metrics, which condition on nothing before a window."""


class GenerateConfig(GeneratorConfig):
    forgetting: float = Field(default=0.05, ge=0, le=1)
    """The probability that training resets the state of a stream between two chunks, so that the
    model also learns to start without one."""
    limit: PositiveInt = 2**26
    """Tokens of the longest text that is scored."""
    prompt: PositiveInt = 2**15
    """Tokens of the longest prompt. Longer ones can be sent in parts, with the state."""


@dataclass(frozen=True)
class GenerateExample(StreamExample):
    """A text as one sequence, or as the windows that are scored independently of each other. `ids`
    are those of the prompt or of the scored text."""

    parts: Sequence[GenerationSequence]
    options: GenerateOptions

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def windows(self) -> Sequence[GenerationSequence]:
        return [part for part in self.parts if len(part)]

    @property
    def later_tokens(self) -> int:
        return sum(part.later_tokens for part in self.parts)

    @property
    def stable_text(self) -> str:
        generated = self.parts[0].generated
        return "" if generated is None else generated.text[: generated.stable_length]


class GenerateBatch(TokenBatch):
    count: Int[Any, " rows"]
    """Tokens to write after those that are read."""
    state: GenerationState
    sampling: SamplingParameters
    capture: CaptureOptions


def _metrics(kind: str, condition: str) -> tuple[Metric, ...]:
    titles = {
        "loss": f"loss, {condition} (nats)",
        "bits": f"bits per character, {condition}",
        "perplexity": f"perplexity, {condition}",
    }
    return tuple(Metric(f"{kind}_{n}", title, lower_is_better=True) for n, title in titles.items())


WINDOWED = _metrics("windowed", f"forgetting every {WINDOW}")
STATEFUL = _metrics("stateful", "state carried on")


@dataclass(frozen=True, eq=False)
class Generate(StreamTask[GenerateConfig, GenerateExample, GenerateBatch]):
    name = "generate"
    input = "prompt"
    exact = True
    config_type = GenerateConfig
    options_type = GenerateOptions
    pipeline_tag = "text-generation"
    metrics = (*WINDOWED, *STATEFUL)
    tokenizer: CharTokenizer | ByteTokenizer

    @classmethod
    def fit(
        cls, config: GenerateConfig, tokenizer: Tokenizer, limits: Limits, rows: Sequence[Row]
    ) -> Self:
        if not isinstance(tokenizer, CharTokenizer | ByteTokenizer):
            raise UserError(
                "generation needs the tokenizer 'chars' or 'bytes', this one is "
                f"{tokenizer.kind!r}; set tokenizer.kind"
            )
        check_size(config)
        return cls(config, tokenizer, limits)

    @property
    def limit(self) -> int:
        return self.config.prompt

    @property
    def program_key(self) -> str:
        return f"{super().program_key}\n{[a.tobytes() for a in self.tokenizer.grammar]}"

    def build(self, rngs: nnx.Rngs) -> Generator:
        return Generator(self.config, len(self.tokenizer), rngs=rngs)

    def read(self, row: Row, options: GenerateOptions, gold: bool = False) -> GenerateExample:
        """A row with `prompt` is continued, one with `text` is scored. With `gold`, the ids alone:
        training cuts streams of texts into chunks itself."""
        writes = "prompt" in row and not gold
        text = validate_text(row["prompt"] if writes else field(row, "text"))
        if gold:
            ids = np.concatenate([[BOS], self.tokenizer.encode(text).ids, [EOS]])
            return GenerateExample(ids.astype(np.int32), False, (), options)
        check(options, self.config.encoder.hidden, self._symbols)
        limit = self.config.prompt if writes else self.config.limit
        encode = self.tokenizer.read if writes else self.tokenizer.encode
        ids = encode(text, max_tokens=limit + 1).ids
        truncated = bool(text or not writes) and cut(len(ids), limit, options.truncate)
        ids = ids[:limit]
        if writes:
            generated = GeneratedText(options.max_characters, options.stop)
            parts = [self._sequence(ids, self._state(row, options), options, generated)]
        elif options.window is None:
            parts = [self._sequence(ids, self._state(row, options), options)]
        else:
            parts = self._independent_windows(ids, options, options.window)
        return GenerateExample(ids, truncated, parts, options)

    def _state(self, row: Row, options: GenerateOptions) -> GenerationState:
        """The state that a row starts with. Raises InvalidText."""
        state = self._initial_state
        if row.get("state") is not None:
            state = decode_state(row["state"], state)
        elif options.seed is None:
            state = state._replace(seed=np.uint32(secrets.randbits(32)))
        if options.seed is not None:
            state = state._replace(seed=np.uint32(options.seed))
        return state

    @cached_property
    def _initial_state(self) -> GenerationState:
        """The state of one row that has read nothing."""
        past = jax.tree.map(lambda a: np.asarray(a)[0], self.config.past(1))
        rest: Any = {
            "last": np.int32(BOS),
            "used": np.zeros(len(self.tokenizer), bool),
            "seed": np.uint32(0),
            "drawn": np.int32(0),
            "grammar": np.int32(0),
        }
        return GenerationState(past, **rest)

    def _independent_windows(
        self, ids: np.ndarray, options: GenerateOptions, size: int
    ) -> list[GenerationSequence]:
        """Sequences of `size` tokens, each conditioned on the one token before it."""
        if len(ids) < 2:
            raise InvalidText("text is too short: one token alone predicts nothing", "too_short")
        initial = self._initial_state
        return [
            self._sequence(ids[s + 1 : s + 1 + size], initial._replace(last=ids[s]), options)
            for s in range(0, len(ids) - 1, size)
        ]

    def _sequence(
        self,
        ids: np.ndarray,
        state: GenerationState,
        options: GenerateOptions,
        generated: GeneratedText | None = None,
    ) -> GenerationSequence:
        most = self.limits.length
        captures_input = generated is None or options.echo
        return GenerationSequence(
            state, ids, most, options, generated, options.return_state, captures_input
        ).scheduled()

    def collate(self, windows: Sequence[GenerationSequence], shape: Shape) -> GenerateBatch:
        missing = shape.rows - len(windows)
        state = stack([window.state for window in windows] + [self._initial_state] * missing)
        options = [window.options for window in windows]
        return {
            **ragged_ids([window.ids for window in windows], shape),
            "count": np.array([window.count for window in windows] + [0] * missing, np.int32),
            "state": state,
            "sampling": sampling_parameters(options, state),
            "capture": capture_options(options, shape.rows),
        }

    def initial_carry(self, rows: int) -> Past:
        return self.config.past(rows)

    def loss_with_carry(
        self, model: Generator, batch: StreamBatch, key: Array, carry: Past
    ) -> tuple[Float[Array, ""], Float[Array, ""], Past]:
        """The cross-entropy of each token of the chunks after the first."""
        ids, rows = jnp.asarray(batch["ids"]), len(batch["ids"])
        dropping, forgetting, hiding = jax.random.split(key, 3)
        forgets = jax.random.bernoulli(forgetting, self.config.forgetting, (rows,))
        fresh = batch["fresh"] | forgets
        carry = select(fresh, self.initial_carry(rows), carry)
        # BOS stands for an unknown past, and is what an empty prompt begins with.
        begins = fresh & jax.random.bernoulli(hiding, 0.5, (rows,))
        before = ids[:, :-1].at[:, 0].set(jnp.where(begins, BOS, ids[:, 0]))
        lengths = jnp.full(rows, before.shape[1])
        logits, carry = model(before.reshape(-1), lengths, carry, dropping)
        losses = token_cross_entropy(logits, ids[:, 1:].reshape(-1))
        return losses.sum(), jnp.float32(losses.size), jax.lax.stop_gradient(carry)

    def predict(self, model: Generator, batch: GenerateBatch) -> Outputs:
        state = jax.tree.map(jnp.asarray, batch["state"])
        ids, lengths = jnp.asarray(batch["ids"]), jnp.asarray(batch["lengths"])
        capture = jax.tree.map(jnp.asarray, batch["capture"])
        state, captured = jax.lax.cond(
            (lengths > 0).any(),
            lambda: prefill(model, state, ids, lengths, capture),
            lambda: (state, zero_captures(len(ids))),
        )
        max_tokens = self.limits.length
        grammar = self.tokenizer.grammar
        state, written = decode(
            model, state, batch["count"], batch["sampling"], grammar, max_tokens, capture
        )
        return Outputs(GeneratedRows(state, written), captured)

    def advance(self, example: GenerateExample, outputs: Sequence[Outputs]) -> GenerateExample:
        remaining = iter(outputs)
        parts = [
            part.advance(next(remaining), self.tokenizer) if len(part) else part
            for part in example.parts
        ]
        return replace(example, parts=parts)

    def answer(self, outputs: Sequence[Outputs], example: GenerateExample) -> Answer:
        options, sequence = example.options, example.parts[-1]
        generated = sequence.generated
        if generated is None:
            # The first token of a text that is scored in independent windows predicts only.
            first = 1 if options.window else 0
            complete = self.tokenizer.grammar.completes_character(example.ids)[first:]
            captured = captured_input(example.parts, complete)
            answer: Answer = _totals(
                float(captured.log_probability.sum()), len(captured.log_probability)
            )
            answer |= {"window": options.window} if options.window else {}
            answer |= captured_json(captured, options, self._symbols)
        else:
            answer = {
                "text": generated.text,
                "finish_reason": generated.finish_reason,
                "seed": int(sequence.state.seed),
                **self.details(example, 0, len(generated.text)),
            }
        if options.return_state:
            answer["state"] = encode_state(sequence.state)
        answer["unknown_characters"] = int((example.ids == UNK).sum())
        return answer | ({"truncated": True} if example.truncated else {})

    def columns(self, options: GenerateOptions) -> dict[str, Any]:
        """Those of rows with a prompt, and those of rows with a text."""
        columns: dict[str, Any] = {"text": str, "finish_reason": str, "seed": int}
        columns |= {"log_likelihood": float, "characters": int}
        columns |= {"loss": float, "bits": float, "perplexity": float}
        if options.window:
            columns["window"] = int
        captured = captured_columns(options)
        columns |= captured
        if options.echo and captured:
            columns["prompt"] = captured
        if options.return_state:
            columns["state"] = str
        columns["unknown_characters"] = int
        return columns | ({"truncated": bool} if options.truncate else {})

    def details(self, example: GenerateExample, start: int, end: int | None) -> Answer:
        """The captured values that the options request; with the first character, also those of the
        prompt."""
        (sequence,) = example.parts
        generated, options = sequence.generated, example.options
        assert generated is not None, "the text is only scored"
        captured = join([no_captures(options), *generated.captured]).part(start, end)
        details = captured_json(captured, options, self._symbols)
        if options.echo and not start:
            complete = self.tokenizer.grammar.completes_character(example.ids)
            details["prompt"] = captured_json(
                captured_input([sequence], complete), options, self._symbols
            )
        return details

    @property
    def _symbols(self) -> Sequence[str]:
        return self.tokenizer.symbols if isinstance(self.tokenizer, CharTokenizer) else ()

    def evaluation_options(self, thorough: bool) -> Sequence[GenerateOptions]:
        windowed = GenerateOptions(truncate=True, window=WINDOW)
        return [windowed, GenerateOptions(truncate=True)] if thorough else [windowed]

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        kind = "windowed" if "window" in answers[0] else "stateful"
        likelihood = sum(answer["log_likelihood"] for answer in answers)
        characters = sum(answer["characters"] for answer in answers)
        totals = _totals(likelihood, characters)
        return {f"{kind}_{name}": totals[name] for name in ("loss", "bits", "perplexity")}

    @property
    def training_metrics(self) -> tuple[Metric, ...]:
        return WINDOWED


def _totals(log_likelihood: float, characters: int) -> Answer:
    """`loss` is in nats per character, `bits` in bits per character."""
    loss = -log_likelihood / characters
    return {
        "log_likelihood": log_likelihood,
        "characters": characters,
        "loss": loss,
        "bits": loss / math.log(2),
        "perplexity": math.exp(loss),
    }
