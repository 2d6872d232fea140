"""Requests for completions."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.api.generate import GenerateRequest
from service.api.requests import ModelName, field_like
from service.errors import Problem
from textrnn.tasks import Task
from textrnn.tasks.generate.options import MAX_STOP_STRINGS, StopString
from textrnn.text import SPECIALS

Token = Annotated[int, Field(ge=0)]
DEFAULT_MAX_TOKENS = 16


class StreamOptions(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True
    )

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """A request for completions. Unknown fields are ignored, as OpenAI's server does."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True
    )

    model: ModelName
    """Name of a model that generates text."""
    prompt: str | list[str] | list[Token] | list[list[Token]] = ""
    """One prompt or several, as text or as token ids. A token is a character."""
    max_tokens: int | None = field_like(
        GenerateRequest, "max_characters", default=DEFAULT_MAX_TOKENS, ge=0
    )
    """Maximum number of tokens to generate. 0 scores the prompt, and requires `echo`."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    """Sampling temperature. 0 is greedy decoding."""
    top_p: float | None = field_like(GenerateRequest, "top_p", default=1.0, gt=None, ge=0)
    n: Annotated[int, Field(ge=1, le=128)] | None = 1
    """Number of completions to return for each prompt."""
    best_of: Annotated[int, Field(ge=1, le=128)] | None = None
    """Number of completions to generate for each prompt. The `n` completions with the highest
    mean log-probability are returned."""
    echo: bool | None = False
    """Return the prompt in front of the completion."""
    logprobs: int | None = field_like(GenerateRequest, "top_log_probabilities", default=None)
    stop: StopString | Annotated[list[StopString], Field(max_length=MAX_STOP_STRINGS)] | None = None
    """One or several strings that end the completion. They are not part of it."""
    seed: int | None = None
    """Seed of the random number generator. Completion i of a prompt uses the seed plus i."""
    stream: bool | None = False
    """Return the completions as server-sent events while they are generated."""
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    """Not supported: must be empty."""
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = 0.0
    """Not supported: must be 0."""
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = 0.0
    """Not supported: must be 0."""
    logit_bias: dict[str, float] | None = None
    """Not supported: must be empty."""
    user: str | None = None
    """Ignored."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options requires stream")
        if self.best_of is not None and self.best_of < self.choices:
            raise ValueError("best_of is less than n")
        if self.best_of is not None and self.best_of > self.choices and self.stream:
            raise ValueError("best_of and stream exclude each other: the best is known at the end")
        if self.max_tokens == 0 and not self.echo:
            raise ValueError("max_tokens 0 requires echo: it scores the prompt")
        if self.suffix:
            raise ValueError("suffix is not supported: the models generate from left to right")
        if self.presence_penalty or self.frequency_penalty or self.logit_bias:
            raise ValueError(
                "presence_penalty, frequency_penalty and logit_bias are not supported; use "
                "temperature and top_p"
            )
        return self

    @property
    def choices(self) -> int:
        """Number of completions to return for each prompt."""
        return self.n or 1

    @property
    def attempts(self) -> int:
        """Number of completions to generate for each prompt."""
        return self.best_of or self.choices

    @property
    def scores_only(self) -> bool:
        """Whether the prompt is scored and nothing is generated."""
        return self.max_tokens == 0

    def prompts(self, task: Task) -> list[str]:
        """The prompts as text. Raises Problem 422 for an unknown token id."""
        prompt = self.prompt
        if isinstance(prompt, str):
            return [prompt]
        if prompt and isinstance(prompt[0], int):
            return [_decode([token for token in prompt if isinstance(token, int)], task)]
        texts: list[str] = []
        for element in prompt:
            if isinstance(element, str):
                texts.append(element)
            elif isinstance(element, list):
                texts.append(_decode(element, task))
        return texts or [""]

    def options(self, attempt: int) -> dict[str, Any]:
        """The task options of a prompt's completion number `attempt`, counted from 0."""
        options: dict[str, Any] = {
            "log_probabilities": self.logprobs is not None or self.attempts > self.choices,
            "top_log_probabilities": self.logprobs or 0,
        }
        if self.scores_only:
            return options
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return options | {
            "max_characters": DEFAULT_MAX_TOKENS if self.max_tokens is None else self.max_tokens,
            "temperature": 1.0 if self.temperature is None else self.temperature,
            # 0 is accepted and means greedy decoding: the smallest set holds one character.
            "top_p": max(1.0 if self.top_p is None else self.top_p, 1e-6),
            "seed": None if self.seed is None else (self.seed + attempt) % 2**32,
            "stop": stop,
            "echo": bool(self.echo) and self.logprobs is not None,
        }


def _decode(tokens: Sequence[int], task: Task) -> str:
    """The text of token ids. Raises Problem 422 for an unknown id."""
    vocabulary = len(task.tokenizer)
    if not all(len(SPECIALS) <= token < vocabulary for token in tokens):
        raise Problem(
            422,
            "invalid_request",
            f"/prompt: token ids are numbers from {len(SPECIALS)} to {vocabulary - 1}, one for "
            "each character",
        )
    return task.tokenizer.decode(np.array(tokens, np.int32))
