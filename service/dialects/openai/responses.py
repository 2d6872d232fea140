"""Completions as JSON."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from textrnn.tasks import Answer

LEAST = -9999.0
"""Stands for minus infinity, which JSON does not have."""


@dataclass
class Choice:
    """One text for one prompt, as it comes piece by piece or whole."""

    index: int
    prompt: str
    echo: bool
    logprobs: int | None
    told: int = 0
    """Characters of the prompt and the text that were answered before."""

    def chunk(self, text: str, details: Answer, reason: str | None) -> dict[str, Any]:
        """What comes next; `details` are those of `text`, and, in the first piece, of the
        prompt."""
        first = not self.told
        if first and not self.echo:
            self.told = len(self.prompt)
        echoed = self.prompt if first and self.echo else ""
        shown = None
        if self.logprobs is not None:
            prompt = details.get("prompt", {}) if echoed else {}
            shown = self._logprobs(echoed + text, [prompt, details], self.told, bool(echoed))
        self.told += len(echoed + text)
        return {
            "index": self.index,
            "text": echoed + text,
            "logprobs": shown,
            "finish_reason": reason,
        }

    def _logprobs(
        self, text: str, parts: Sequence[Answer], offset: int, from_start: bool
    ) -> dict[str, Any]:
        likelihoods: list[float | None] = [
            max(one, LEAST) for part in parts for one in part.get("log_probabilities", [])
        ]
        tops: list[dict[str, float] | None] = [
            top for part in parts for top in part.get("top_log_probabilities", [])
        ]
        for place, (char, top) in enumerate(zip(text, tops, strict=False)):
            tops[place] = {char: likelihoods[place] or 0.0} | {
                other: max(one, LEAST) for other, one in (top or {}).items()
            }
        if from_start:  # nothing stands before the first character
            likelihoods[:1] = [None]
            tops[:1] = [None] if tops else []
        return {
            "text_offset": list(range(offset, offset + len(text))),
            "token_logprobs": likelihoods,
            "tokens": list(text),
            "top_logprobs": tops if self.logprobs else None,
        }


@dataclass(frozen=True)
class Envelope:
    """What all parts of one answer have in common."""

    model: str
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def around(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }


def usage(prompts: Sequence[str], completion: int) -> dict[str, int]:
    """In characters. A prompt is read once, however many texts go on with it."""
    given = sum(map(len, prompts))
    return {
        "prompt_tokens": given,
        "completion_tokens": completion,
        "total_tokens": given + completion,
    }
