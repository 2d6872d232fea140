"""What a request for completions may say."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.api.requests import MOST_CHARACTERS, ModelName, Stop
from service.errors import Problem
from textrnn.tasks import Task
from textrnn.text import SPECIALS

Token = Annotated[int, Field(ge=0)]


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """Fields that this server does not know are taken and left aside, as OpenAI's own does."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    model: ModelName
    prompt: str | list[str] | list[Token] | list[list[Token]] = ""
    max_tokens: Annotated[int, Field(ge=0, le=MOST_CHARACTERS)] | None = 16
    """0 only with echo: then the prompt is scored."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = 1.0
    n: Annotated[int, Field(ge=1, le=128)] | None = 1
    best_of: Annotated[int, Field(ge=1, le=128)] | None = None
    """Of so many texts the n likeliest by character are answered."""
    echo: bool | None = False
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    seed: int | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = 0.0
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = 0.0
    logit_bias: dict[str, float] | None = None
    user: str | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options goes with stream")
        if self.best_of is not None and self.best_of < self.choices:
            raise ValueError("best_of is less than n")
        if self.best_of is not None and self.best_of > self.choices and self.stream:
            raise ValueError("what is streamed cannot be chosen from: best_of does not go with it")
        if self.max_tokens == 0 and not self.echo:
            raise ValueError("max_tokens 0 goes with echo: it scores the prompt")
        if self.suffix:
            raise ValueError("suffix: these models write forward only, and cannot fill in")
        if self.presence_penalty or self.frequency_penalty or self.logit_bias:
            raise ValueError(
                "presence_penalty, frequency_penalty and logit_bias are not there; a text can be "
                "steered by temperature and top_p"
            )
        return self

    @property
    def choices(self) -> int:
        return self.n or 1

    @property
    def attempts(self) -> int:
        """Texts written for each prompt."""
        return self.best_of or self.choices

    @property
    def scores(self) -> bool:
        """Whether nothing is written."""
        return self.max_tokens == 0

    def prompts(self, task: Task) -> list[str]:
        """Raises Problem."""
        given = self.prompt
        if isinstance(given, str):
            return [given]
        texts: list[str] = []
        if given and isinstance(given[0], int):
            return [_decoded([t for t in given if isinstance(t, int)], task)]
        for one in given:
            if isinstance(one, str):
                texts.append(one)
            elif isinstance(one, list):
                texts.append(_decoded(one, task))
        return texts or [""]

    def options(self, number: int) -> dict[str, Any]:
        """Of the number-th text of a prompt. Without a seed each has its own."""
        asked: dict[str, Any] = {
            "log_probabilities": self.logprobs is not None or self.attempts > self.choices,
            "top_log_probabilities": self.logprobs or 0,
        }
        if self.scores:
            return asked
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return asked | {
            "max_characters": 16 if self.max_tokens is None else self.max_tokens,
            "temperature": 1.0 if self.temperature is None else self.temperature,
            # The fewest characters that are together as probable as nothing are the likeliest one.
            "top_p": max(1.0 if self.top_p is None else self.top_p, 1e-6),
            "seed": None if self.seed is None else (self.seed + number) % 2**32,
            "stop": stop,
            "echo": bool(self.echo) and self.logprobs is not None,
        }


def _decoded(tokens: Sequence[int], task: Task) -> str:
    """Raises Problem."""
    most = len(task.tokenizer)
    if not all(len(SPECIALS) <= token < most for token in tokens):
        raise Problem(
            422,
            "invalid_request",
            f"/prompt: tokens are numbers from {len(SPECIALS)} to {most - 1}, one for a character",
        )
    return task.tokenizer.decode(np.array(tokens, np.int32))
