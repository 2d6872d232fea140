"""OpenAI's completions, as the openai client speaks them to a base URL that ends in /v1.

A token is a character here, and a token's number that of the model's alphabet.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from service.dialects import Dialect
from service.dialects.openai.requests import CompletionRequest
from service.dialects.openai.responses import Choice, Envelope, usage
from service.errors import Problem, invalid_text
from service.inference.context import Context
from service.inference.models import ServedModel
from service.inference.pipeline import infer_examples, label_request, timing_headers
from service.inference.streaming import (
    EVENT_STREAM,
    StreamChunk,
    event_stream_response,
    stream_chunks,
)
from textrnn.errors import InvalidText
from textrnn.tasks import Answer, Example

router = APIRouter()


_STATUSES = {422: 400}
_TYPES = {401: "authentication_error", 429: "rate_limit_error"}
_CODES = {"wrong_model": "model_not_found", "unauthorized": "invalid_api_key"}


def _error_response(problem: Problem, path: str, request_id: str) -> JSONResponse:
    status = 404 if problem.code == "wrong_model" else _STATUSES.get(problem.status, problem.status)
    # The client tries again after any 5xx; a defect does not go away by that.
    retry = {"x-should-retry": "false"} if status == 500 else {}
    return JSONResponse(_error(problem), status, headers={**problem.headers, **retry})


OPENAI = Dialect("openai", router, re.compile(r"/v1/completions\Z"), _error_response)


def _error(problem: Problem) -> dict[str, Any]:
    other = "invalid_request_error" if problem.status < 500 else "server_error"
    pointer = problem.errors[0]["pointer"] if problem.errors else ""
    return {
        "error": {
            "message": problem.detail,
            "type": _TYPES.get(problem.status, other),
            "param": pointer.strip("/").split("/")[0] or None,
            "code": _CODES.get(problem.code, problem.code),
        }
    }


class Fault(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class Refusal(BaseModel):
    error: Fault


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal} for status in (400, 401, 404, 408, 413, 415, 429, 500, 503, 504)
}


@router.post("/v1/completions", responses={**ERRORS, **EVENT_STREAM})
async def complete(body: CompletionRequest, request: Request, context: Context) -> Response:
    """Go on with prompts, as OpenAI's completions do."""
    served = context.models.select("generate", body.model)
    prompts = body.prompts(served.predictor.task)
    label_request(request, served, len(prompts))
    context.admission.check_texts(len(prompts) * body.attempts)
    examples = _read(served, body, prompts)
    envelope = Envelope(served.name)
    if not body.stream:
        result = await infer_examples(context, served, examples, request)
        answer = _whole(envelope, body, prompts, result.answers)
        return JSONResponse(answer, headers=timing_headers(result))
    choices = [
        Choice(index, prompts[index // body.choices], bool(body.echo), body.logprobs)
        for index in range(len(examples))
    ]
    if body.scores:
        raise Problem(422, "invalid_request", "/stream: what is only scored comes whole")
    chunks = stream_chunks(context, served, examples)
    events = _events(envelope, body, prompts, choices)
    return await event_stream_response(chunks, request, events, _error_event)


def _read(served: ServedModel, body: CompletionRequest, prompts: Sequence[str]) -> list[Example]:
    """Raises Problem."""
    task, field = served.predictor.task, "text" if body.scores else "prompt"
    examples = []
    for prompt in prompts:
        for number in range(body.attempts):
            options = task.options_type.parse(body.options(number), source="options")
            try:
                examples.append(task.read({field: prompt}, options))
            except InvalidText as error:
                raise invalid_text(error, "/prompt") from None
    return examples


def _whole(
    envelope: Envelope, body: CompletionRequest, prompts: Sequence[str], answers: Sequence[Answer]
) -> dict[str, Any]:
    choices: list[dict[str, Any]] = []
    for number, prompt in enumerate(prompts):
        attempts = answers[number * body.attempts : (number + 1) * body.attempts]
        if body.attempts > body.choices:
            attempts = sorted(attempts, key=_likeliness, reverse=True)
        for answer in attempts[: body.choices]:
            choice = Choice(len(choices), prompt, bool(body.echo), body.logprobs)
            if body.scores:
                seen = {"prompt": answer}
                choices.append(choice.chunk("", seen, "length"))
            else:
                choices.append(choice.chunk(answer["text"], answer, answer["finish_reason"]))
    written = 0 if body.scores else sum(len(answer["text"]) for answer in answers)
    return envelope.around(choices, usage=usage(prompts, written))


def _likeliness(answer: Answer) -> float:
    return sum(answer["log_probabilities"]) / max(len(answer["text"]), 1)


def _events(
    envelope: Envelope, body: CompletionRequest, prompts: Sequence[str], choices: Sequence[Choice]
) -> Callable[[StreamChunk], list[str]]:
    """The events of each chunk, with those of the end behind the last chunk of all choices."""
    counts = body.stream_options is not None and body.stream_options.include_usage
    more: dict[str, Any] = {"usage": None} if counts else {}
    written, left = 0, len(choices)

    def events(chunk: StreamChunk) -> list[str]:
        nonlocal written, left
        reason = chunk.result.answers[0]["finish_reason"] if chunk.last else None
        choice = choices[chunk.index].chunk(chunk.text, chunk.details, reason)
        lines = [_line(envelope.around([choice], **more))]
        written += len(chunk.text)
        left -= chunk.last
        if not left and counts:
            lines.append(_line(envelope.around([], usage=usage(prompts, written))))
        return lines if left else [*lines, "data: [DONE]\n\n"]

    return events


def _error_event(problem: Problem) -> str:
    return _line(_error(problem))


def _line(event: dict[str, Any]) -> str:
    # In ASCII: clients break lines at characters that JSON leaves as they are.
    return f"data: {json.dumps(event)}\n\n"
