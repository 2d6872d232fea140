"""Completions as JSON."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from textrnn.tasks import Answer

MIN_LOG_PROBABILITY = -9999.0
"""Replaces minus infinity, which JSON cannot express."""


@dataclass
class Choice:
    """One completion of one prompt, sent whole or in chunks."""

    index: int
    prompt: str
    echo: bool
    logprobs: int | None
    sent: int = 0
    """Characters of prompt and completion in earlier chunks."""

    def chunk(self, text: str, details: Answer, finish_reason: str | None) -> dict[str, Any]:
        """The next chunk. `details` are those of `text` and, in the first chunk, of the prompt."""
        first = not self.sent
        if first and not self.echo:
            self.sent = len(self.prompt)
        echoed = self.prompt if first and self.echo else ""
        logprobs = None
        if self.logprobs is not None:
            prompt = details.get("prompt", {}) if echoed else {}
            logprobs = self._logprobs(echoed + text, [prompt, details], self.sent, bool(echoed))
        self.sent += len(echoed + text)
        return {
            "index": self.index,
            "text": echoed + text,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }

    def _logprobs(
        self, text: str, parts: Sequence[Answer], offset: int, from_start: bool
    ) -> dict[str, Any]:
        """The `logprobs` object of `text`, which starts at `offset`; `parts` hold the details of
        its characters. At the start nothing precedes the first character, so it has none."""
        token_logprobs: list[float | None] = [
            max(value, MIN_LOG_PROBABILITY)
            for part in parts
            for value in part.get("log_probabilities", [])
        ]
        top_logprobs: list[dict[str, float] | None] = [
            top for part in parts for top in part.get("top_log_probabilities", [])
        ]
        for position, (char, top) in enumerate(zip(text, top_logprobs, strict=False)):
            top_logprobs[position] = {char: token_logprobs[position] or 0.0} | {
                other: max(value, MIN_LOG_PROBABILITY) for other, value in (top or {}).items()
            }
        if from_start:
            token_logprobs[:1] = [None]
            top_logprobs[:1] = [None] if top_logprobs else []
        return {
            "text_offset": list(range(offset, offset + len(text))),
            "token_logprobs": token_logprobs,
            "tokens": list(text),
            "top_logprobs": top_logprobs if self.logprobs else None,
        }


@dataclass(frozen=True)
class Completion:
    """The fields that all chunks of a completion share."""

    model: str
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def body(self, choices: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
        """A completion or a chunk of one, with these choices and further fields."""
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **fields,
        }


def usage(prompts: Sequence[str], completion_tokens: int) -> dict[str, int]:
    """Token counts, where a token is a character. A prompt counts once, for any number of
    completions."""
    prompt_tokens = sum(map(len, prompts))
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
