"""The text generation pipeline: a whole response, or an event for each token."""

import json
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from service.dialects.huggingface.requests import GenerationParameters, InferenceRequest
from service.errors import Problem
from service.inference.context import ServiceContext
from service.inference.models import ServedModel
from service.inference.pipeline import (
    AnswerResponse,
    infer_examples,
    label_request,
    timing_headers,
    tokenize_texts,
)
from service.inference.streaming import StreamChunk, event_stream_response, stream_chunks
from textrnn.tasks import Answer
from textrnn.text import EOS, Tokenizer


async def text_generation(
    context: ServiceContext,
    served: ServedModel,
    body: InferenceRequest,
    parameters: GenerationParameters,
    request: Request,
) -> Response:
    """[{"generated_text", "details"?}], or server-sent events. Raises Problem."""
    if not isinstance(body.inputs, str):
        raise Problem(422, "invalid_request", "/inputs: generation takes one text, not a list")
    label_request(request, served)
    task = served.predictor.task
    options = task.options_type.parse(parameters.options(), source="parameters")
    prompt = body.inputs[-parameters.truncate :] if parameters.truncate else body.inputs
    examples = tokenize_texts(served, [("/inputs", prompt)], options)
    generation = Generation(task.tokenizer, prompt, parameters)
    if not body.stream:
        result = await infer_examples(context, served, examples, request)
        (answer,) = result.answers
        return AnswerResponse([generation.response(answer)], headers=timing_headers(result))
    chunks = stream_chunks(context, served, examples, request)
    return await event_stream_response(chunks, request, generation.events, _error_event)


class Generation:
    """The JSON of one generated text."""

    def __init__(self, tokenizer: Tokenizer, prompt: str, parameters: GenerationParameters):
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._parameters = parameters
        self._sent = 0
        """Number of events so far."""

    def response(self, answer: Answer) -> dict[str, Any]:
        """The text and, if requested, its details."""
        response: dict[str, Any] = {"generated_text": self._generated_text(answer)}
        if self._parameters.details:
            prefill = []
            if self._parameters.decoder_input_details:
                prefill = self._tokens(self._prompt, answer["prompt"]["log_probabilities"])
            response["details"] = {
                **self._end_details(answer),
                "prefill": prefill,
                "tokens": self._tokens(answer["text"], answer["log_probabilities"]),
            }
            if self._parameters.top_n_tokens:
                response["details"]["top_tokens"] = [
                    self._top_tokens(top) for top in answer["top_log_probabilities"]
                ]
        return response

    def events(self, chunk: StreamChunk) -> list[str]:
        """An event for each token of a chunk. The last one of all also has the whole text."""
        events: list[dict[str, Any]] = [
            {"index": index, "token": token, "generated_text": None, "details": None}
            for index, token in enumerate(
                self._tokens(chunk.text, chunk.details["log_probabilities"]), self._sent + 1
            )
        ]
        self._sent += len(events)
        for event, top in zip(events, chunk.details.get("top_log_probabilities", []), strict=False):
            event["top_tokens"] = self._top_tokens(top)
        if chunk.last:
            (answer,) = chunk.result.answers
            events = events or [self._empty_text_event()]
            events[-1] |= {"generated_text": self._generated_text(answer), "details": None}
            if self._parameters.details:
                details = self._end_details(answer)
                events[-1]["details"] = {**details, "input_length": len(self._prompt)}
        return [_event(event) for event in events]

    def _empty_text_event(self) -> dict[str, Any]:
        """The token of the only event of an empty text."""
        token = {"id": EOS, "text": "", "logprob": 0.0, "special": True}
        return {"index": 1, "token": token}

    def _generated_text(self, answer: Answer) -> str:
        return self._prompt * self._parameters.return_full_text + answer["text"]

    def _end_details(self, answer: Answer) -> dict[str, Any]:
        reason = "length"
        if answer["finish_reason"] == "stop":
            reason = "stop_sequence" if self._parameters.stop else "eos_token"
        return {
            "finish_reason": reason,
            "generated_tokens": len(answer["text"]),
            "seed": answer["seed"],
        }

    def _tokens(self, text: str, log_probabilities: list[float]) -> list[dict[str, Any]]:
        pairs = zip(text, log_probabilities, strict=True)
        return [self._token(char, log_probability) for char, log_probability in pairs]

    def _token(self, char: str, log_probability: float) -> dict[str, Any]:
        """A character as a token. In a byte model its id is that of the first byte."""
        token = int(self._tokenizer.encode(char).ids[0])
        return {"id": token, "text": char, "logprob": log_probability, "special": False}

    def _top_tokens(self, top: dict[str, float]) -> list[dict[str, Any]]:
        """The most likely tokens at a position. Special tokens have names of several characters."""
        return [
            {**self._token(name[0], log_probability), "text": name, "special": len(name) > 1}
            for name, log_probability in top.items()
        ]


def _error_event(problem: Problem) -> str:
    kind = "overloaded" if problem.status in (429, 503) else "generation"
    return _event({"error": problem.detail, "error_type": kind})


def _event(data: dict[str, Any]) -> str:
    # In ASCII, since clients split lines at characters that JSON does not escape.
    return f"data:{json.dumps(data)}\n\n"
