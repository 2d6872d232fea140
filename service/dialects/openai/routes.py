"""OpenAI's completions, as spoken by the openai client to a base URL that ends in /v1.

A token is a character, and its id is its number in the model's alphabet.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from service.dialect import Dialect
from service.dialects.openai.requests import CompletionRequest
from service.dialects.openai.responses import Choice, Completion, usage
from service.errors import Problem, invalid_text
from service.inference.context import Context
from service.inference.models import ServedModel
from service.inference.pipeline import AnswerResponse, infer_examples, label_request, timing_headers
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
    # The client retries after any 5xx, which does not help with a defect.
    retry = {"x-should-retry": "false"} if status == 500 else {}
    return JSONResponse(_error(problem), status, headers={**problem.headers, **retry})


OPENAI = Dialect("openai", (router,), re.compile(r"/v1/completions\Z"), _error_response)


def _error(problem: Problem) -> dict[str, Any]:
    default = "invalid_request_error" if problem.status < 500 else "server_error"
    pointer = problem.errors[0]["pointer"] if problem.errors else ""
    return {
        "error": {
            "message": problem.detail,
            "type": _TYPES.get(problem.status, default),
            "param": pointer.strip("/").split("/")[0] or None,
            "code": _CODES.get(problem.code, problem.code),
        }
    }


class OpenAIErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(BaseModel):
    error: OpenAIErrorDetail


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": OpenAIError} for status in (400, 401, 404, 408, 413, 415, 429, 500, 503, 504)
}


@router.post("/v1/completions", responses={**_ERRORS, **EVENT_STREAM})
async def create_completion(
    body: CompletionRequest, request: Request, context: Context
) -> Response:
    """Continue prompts, in the form of OpenAI's completions."""
    served = context.models.select("generate", body.model)
    prompts = body.prompts(served.predictor.task)
    label_request(request, served, len(prompts))
    context.admission.check_texts(len(prompts) * body.attempts)
    examples = _read(served, body, prompts)
    completion = Completion(served.name)
    if not body.stream:
        result = await infer_examples(context, served, examples, request)
        content = _response(completion, body, prompts, result.answers)
        return AnswerResponse(content, headers=timing_headers(result))
    if body.scores_only:
        raise Problem(422, "invalid_request", "/stream: scores of a prompt cannot be streamed")
    chunks = stream_chunks(context, served, examples, request)
    events = _events(completion, body, prompts)
    return await event_stream_response(chunks, request, events, _error_event)


def _read(served: ServedModel, body: CompletionRequest, prompts: Sequence[str]) -> list[Example]:
    """An example for each attempt at each prompt. Raises Problem 422."""
    task, field = served.predictor.task, "text" if body.scores_only else "prompt"
    examples = []
    for prompt in prompts:
        for attempt in range(body.attempts):
            options = task.options_type.parse(body.options(attempt), source="options")
            try:
                examples.append(task.read({field: prompt}, options))
            except InvalidText as error:
                raise invalid_text(error, "/prompt") from None
    return examples


def _response(
    completion: Completion,
    body: CompletionRequest,
    prompts: Sequence[str],
    answers: Sequence[Answer],
) -> dict[str, Any]:
    """The best attempts at each prompt, if there are more attempts than choices."""
    choices: list[dict[str, Any]] = []
    for number, prompt in enumerate(prompts):
        attempts = answers[number * body.attempts : (number + 1) * body.attempts]
        if body.attempts > body.choices:
            attempts = sorted(attempts, key=_mean_log_probability, reverse=True)
        for answer in attempts[: body.choices]:
            choice = Choice(len(choices), prompt, bool(body.echo), body.logprobs)
            if body.scores_only:
                choices.append(choice.chunk("", {"prompt": answer}, "length"))
            else:
                choices.append(choice.chunk(answer["text"], answer, answer["finish_reason"]))
    generated = 0 if body.scores_only else sum(len(answer["text"]) for answer in answers)
    return completion.body(choices, usage=usage(prompts, generated))


def _mean_log_probability(answer: Answer) -> float:
    return sum(answer["log_probabilities"]) / max(len(answer["text"]), 1)


def _events(
    completion: Completion, body: CompletionRequest, prompts: Sequence[str]
) -> Callable[[StreamChunk], list[str]]:
    """A function that returns the events of a chunk. The last chunk also has the closing events."""
    choices = [
        Choice(number * body.choices + choice, prompt, bool(body.echo), body.logprobs)
        for number, prompt in enumerate(prompts)
        for choice in range(body.choices)
    ]
    include_usage = body.stream_options is not None and body.stream_options.include_usage
    fields: dict[str, Any] = {"usage": None} if include_usage else {}
    generated, unfinished = 0, len(choices)

    def events(chunk: StreamChunk) -> list[str]:
        nonlocal generated, unfinished
        reason = chunk.result.answers[0]["finish_reason"] if chunk.last else None
        choice = choices[chunk.index].chunk(chunk.text, chunk.details, reason)
        lines = [_event(completion.body([choice], **fields))]
        generated += len(chunk.text)
        unfinished -= chunk.last
        if unfinished:
            return lines
        if include_usage:
            lines.append(_event(completion.body([], usage=usage(prompts, generated))))
        return [*lines, "data: [DONE]\n\n"]

    return events


def _error_event(problem: Problem) -> str:
    return _event(_error(problem))


def _event(data: dict[str, Any]) -> str:
    # In ASCII, since clients split lines at characters that JSON does not escape.
    return f"data: {json.dumps(data)}\n\n"
