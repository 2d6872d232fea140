"""OpenAI's completions, as the openai client speaks them to a base URL that ends in /v1.

A token is a character here, and a token's number that of the model's alphabet.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from service.api.generate import EVENTS, event_stream, in_stream
from service.dialects.openai.requests import CompletionRequest
from service.dialects.openai.responses import Choice, Completion, usage
from service.errors import Problem, invalid_text
from service.inference.models import ServedModel
from service.inference.pipeline import Context, name, run, timings, unless_gone
from service.inference.streaming import StreamChunk, stream_chunks
from textrnn.errors import InvalidText
from textrnn.tasks import Answer, Example

router = APIRouter()


def speaks(path: str) -> bool:
    return path == "/v1/completions"


_STATUSES = {422: 400}
_TYPES = {401: "authentication_error", 429: "rate_limit_error"}
_CODES = {"wrong_model": "model_not_found", "unauthorized": "invalid_api_key"}


def refusal(problem: Problem) -> tuple[int, dict[str, Any], dict[str, str]]:
    status = 404 if problem.code == "wrong_model" else _STATUSES.get(problem.status, problem.status)
    # The client tries again after any 5xx; a defect does not go away by that.
    return status, _error(problem), {"x-should-retry": "false"} if status == 500 else {}


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


@router.post("/v1/completions", responses={**ERRORS, **EVENTS})
async def complete(body: CompletionRequest, request: Request, context: Context) -> Response:
    """Go on with prompts, as OpenAI's completions do."""
    served = context.pick("generate", body.model)
    prompts = body.prompts(served.predictor.task)
    name(request, served, len(prompts))
    most = context.settings.texts
    if len(prompts) * body.attempts > most:
        raise Problem(
            422, "too_many_texts", f"{len(prompts)} prompts and {body.attempts} texts for each are "
            f"over the limit of {most}; ask for fewer in a request"
        )  # fmt: skip
    examples = _read(served, body, prompts)
    completion = Completion(served.name)
    if not body.stream:
        result = await run(context, served, examples, request)
        answer = _whole(completion, body, prompts, result.answers)
        return JSONResponse(answer, headers=timings(result))
    choices = [
        Choice(index, prompts[index // body.choices], bool(body.echo), body.logprobs)
        for index in range(len(examples))
    ]
    if body.scores_only:
        raise Problem(422, "invalid_request", "/stream: what is only scored comes whole")
    rest = _merged([stream_chunks(context, served, example) for example in examples])
    # What fails before the first piece has a status of its own.
    first = await unless_gone(anext(rest), request)
    told = _events(completion, body, prompts, choices, first, rest)
    return event_stream(told, first[1].result)


def _read(served: ServedModel, body: CompletionRequest, prompts: Sequence[str]) -> list[Example]:
    """Raises Problem."""
    task, field = served.predictor.task, "text" if body.scores_only else "prompt"
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
    completion: Completion,
    body: CompletionRequest,
    prompts: Sequence[str],
    answers: Sequence[Answer],
) -> dict[str, Any]:
    choices: list[dict[str, Any]] = []
    for number, prompt in enumerate(prompts):
        attempts = answers[number * body.attempts : (number + 1) * body.attempts]
        if body.attempts > body.choices:
            attempts = sorted(attempts, key=_likeliness, reverse=True)
        for answer in attempts[: body.choices]:
            choice = Choice(len(choices), prompt, bool(body.echo), body.logprobs)
            if body.scores_only:
                seen = {"prompt": answer}
                choices.append(choice.chunk("", seen, "length"))
            else:
                choices.append(choice.chunk(answer["text"], answer, answer["finish_reason"]))
    written = 0 if body.scores_only else sum(len(answer["text"]) for answer in answers)
    return completion.body(choices, usage=usage(prompts, written))


def _likeliness(answer: Answer) -> float:
    return sum(answer["log_probabilities"]) / max(len(answer["text"]), 1)


async def _merged(
    sources: Sequence[AsyncGenerator[StreamChunk, None]],
) -> AsyncGenerator[tuple[int, StreamChunk], None]:
    """The pieces of all texts as they come, each with the number of its text. Whoever closes this
    ends the work on all of them."""
    arrived: asyncio.Queue[tuple[int, StreamChunk | Exception]] = asyncio.Queue()

    async def feed(index: int, source: AsyncGenerator[StreamChunk, None]) -> None:
        try:
            async with contextlib.aclosing(source):
                async for chunk in source:
                    arrived.put_nowait((index, chunk))
        except Exception as error:
            arrived.put_nowait((index, error))

    feeding = [asyncio.ensure_future(feed(*each)) for each in enumerate(sources)]
    left = len(sources)
    try:
        while left:
            index, chunk = await arrived.get()
            if isinstance(chunk, Exception):
                raise chunk
            left -= chunk.last
            yield index, chunk
    finally:
        for task in feeding:
            task.cancel()
        await asyncio.gather(*feeding, return_exceptions=True)


async def _events(
    completion: Completion,
    body: CompletionRequest,
    prompts: Sequence[str],
    choices: Sequence[Choice],
    first: tuple[int, StreamChunk],
    rest: AsyncGenerator[tuple[int, StreamChunk], None],
) -> AsyncIterator[str]:
    counts = body.stream_options is not None and body.stream_options.include_usage
    more: dict[str, Any] = {"usage": None} if counts else {}
    written = 0
    try:
        async with contextlib.aclosing(rest):
            index, chunk = first
            left = len(choices)
            while True:
                reason = chunk.result.answers[0]["finish_reason"] if chunk.last else None
                told = choices[index].chunk(chunk.text, chunk.details, reason)
                yield _line(completion.body([told], **more))
                written += len(chunk.text)
                left -= chunk.last
                if not left:
                    break
                index, chunk = await anext(rest)
        if counts:
            yield _line(completion.body([], usage=usage(prompts, written)))
        yield "data: [DONE]\n\n"
    except Exception as error:
        yield _line(_error(in_stream(error)))


def _line(event: dict[str, Any]) -> str:
    # In ASCII: clients break lines at characters that JSON leaves as they are.
    return f"data: {json.dumps(event)}\n\n"
