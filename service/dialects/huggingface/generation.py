"""Text generation as Hugging Face's servers do it: whole, or an event for each token."""

import json
from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from service.api.requests import MOST_CHARACTERS, Stop, Strict
from service.errors import Problem
from service.inference.context import ServiceContext
from service.inference.models import ServedModel
from service.inference.pipeline import infer_examples, label_request, timing_headers, tokenize_texts
from service.inference.streaming import StreamChunk, event_stream_response, stream_chunks
from textrnn.tasks import Answer
from textrnn.text import EOS

REASONS = {"length": "length", "stop": "stop_sequence"}


class GenerationParameters(Strict):
    max_new_tokens: Annotated[int, Field(ge=1, le=MOST_CHARACTERS)] = 100
    """A token is a character."""
    do_sample: bool = False
    """Without it, and without a temperature, top_k or top_p, the likeliest token is taken."""
    temperature: Annotated[float, Field(gt=0, le=10)] | None = None
    top_k: Annotated[int, Field(ge=1, le=65_536)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    stop: Annotated[list[Stop], Field(max_length=4)] = []
    return_full_text: bool = False
    details: bool = False
    decoder_input_details: bool = False
    top_n_tokens: Annotated[int, Field(ge=1, le=5)] | None = None
    truncate: Annotated[int, Field(ge=1)] | None = None
    """Only the last so many tokens of the prompt are read."""

    def options(self) -> dict[str, Any]:
        draws = self.do_sample or any((self.temperature, self.top_k, self.top_p))
        return {
            "max_characters": self.max_new_tokens,
            "temperature": (self.temperature or 1.0) if draws else 0.0,
            "top_k": self.top_k or 0,
            "top_p": self.top_p or 1.0,
            "repetition_penalty": self.repetition_penalty,
            "seed": self.seed,
            "stop": tuple(self.stop),
            "log_probabilities": True,
            "top_log_probabilities": self.top_n_tokens or 0,
            "echo": self.decoder_input_details,
        }


async def write(
    context: ServiceContext,
    served: ServedModel,
    query: Any,
    parameters: GenerationParameters,
    request: Request,
) -> Response:
    if not isinstance(query.inputs, str):
        raise Problem(422, "invalid_request", "/inputs: generation takes one text, not a list")
    label_request(request, served)
    asked = served.predictor.task.options_type.parse(parameters.options(), source="parameters")
    prompt = query.inputs[-parameters.truncate :] if parameters.truncate else query.inputs
    (example,) = tokenize_texts(served, [("/inputs", prompt)], asked)
    voice = _Voice(served, prompt, parameters)
    if not query.stream:
        result = await infer_examples(context, served, [example], request)
        (answer,) = result.answers
        return JSONResponse([voice.whole(answer)], headers=timing_headers(result))
    sent = 0

    def events(chunk: StreamChunk) -> list[str]:
        nonlocal sent
        events = voice.events(chunk, sent)
        sent += len(events)
        if chunk.last:
            (answer,) = chunk.result.answers
            events = events or [voice.end_of_text()]
            events[-1] |= {"generated_text": voice.text(answer), "details": voice.brief(answer)}
        return [_line(event) for event in events]

    chunks = stream_chunks(context, served, [example])
    return await event_stream_response(chunks, request, events, _error_event)


def _error_event(problem: Problem) -> str:
    kind = "overloaded" if problem.status in (429, 503) else "generation"
    return _line({"error": problem.detail, "error_type": kind})


def _line(event: dict[str, Any]) -> str:
    # In ASCII: clients break lines at characters that JSON leaves as they are.
    return f"data:{json.dumps(event)}\n\n"


class _Voice:
    """How one answer is told."""

    def __init__(self, served: ServedModel, prompt: str, parameters: GenerationParameters):
        self._tokenizer = served.predictor.task.tokenizer
        self._prompt = prompt
        self._parameters = parameters

    def whole(self, answer: Answer) -> dict[str, Any]:
        told: dict[str, Any] = {"generated_text": self.text(answer)}
        if self._parameters.details:
            prefill = []
            if self._parameters.decoder_input_details:
                prefill = self._tokens(self._prompt, answer["prompt"]["log_probabilities"])
            told["details"] = {
                **self._end(answer),
                "prefill": prefill,
                "tokens": self._tokens(answer["text"], answer["log_probabilities"]),
            }
            if self._parameters.top_n_tokens:
                told["details"]["top_tokens"] = [
                    self._alternatives(top) for top in answer["top_log_probabilities"]
                ]
        return told

    def events(self, chunk: StreamChunk, told: int) -> list[dict[str, Any]]:
        tokens = self._tokens(chunk.text, chunk.details["log_probabilities"])
        events: list[dict[str, Any]] = [
            {"index": told + number, "token": token, "generated_text": None, "details": None}
            for number, token in enumerate(tokens, start=1)
        ]
        for event, top in zip(events, chunk.details.get("top_log_probabilities", []), strict=False):
            event["top_tokens"] = self._alternatives(top)
        return events

    def end_of_text(self) -> dict[str, Any]:
        """The only event of a text that is empty."""
        token = {"id": EOS, "text": "", "logprob": 0.0, "special": True}
        return {"index": 1, "token": token}

    def text(self, answer: Answer) -> str:
        return self._prompt * self._parameters.return_full_text + answer["text"]

    def brief(self, answer: Answer) -> dict[str, Any] | None:
        if not self._parameters.details:
            return None
        return {**self._end(answer), "input_length": len(self._prompt)}

    def _end(self, answer: Answer) -> dict[str, Any]:
        reason = REASONS[answer["finish_reason"]]
        return {
            "finish_reason": reason if self._parameters.stop or reason == "length" else "eos_token",
            "generated_tokens": len(answer["text"]),
            "seed": answer["seed"],
        }

    def _tokens(self, text: str, likelihoods: list[float]) -> list[dict[str, Any]]:
        return [self._token(char, one) for char, one in zip(text, likelihoods, strict=True)]

    def _token(self, text: str, likelihood: float) -> dict[str, Any]:
        """A model of bytes names a character by its first one."""
        token = int(self._tokenizer.encode(text).ids[0])
        return {"id": token, "text": text, "logprob": likelihood, "special": False}

    def _alternatives(self, top: dict[str, float]) -> list[dict[str, Any]]:
        return [
            {**self._token(text[0], likelihood), "text": text, "special": len(text) > 1}
            for text, likelihood in top.items()
        ]
