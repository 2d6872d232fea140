"""POST /v1/generate: generated text, whole or streamed as server-sent events."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from service.api.requests import TaskRequest, with_options
from service.api.responses import ERROR_RESPONSES, ResponseModel
from service.errors import Problem, invalid_text
from service.inference.context import Context, ServiceContext
from service.inference.jobs import Result
from service.inference.models import ServedModel
from service.inference.pipeline import AnswerResponse, infer_examples, label_request, timing_headers
from service.inference.streaming import (
    DETAILS,
    EVENT_STREAM,
    StreamChunk,
    event_stream_response,
    stream_chunks,
)
from textrnn.errors import InvalidText
from textrnn.tasks import Example
from textrnn.tasks.generate.options import GenerateOptions
from textrnn.tasks.generate.state import LONGEST_STATE

router = APIRouter()


@with_options(
    GenerateOptions,
    # As many characters as 64 concurrent streams can generate well within the deadline.
    max_characters={"le": 8192},
    top_k={"default": None, "ge": 1, "le": 65_536},
)
class GenerateRequest(TaskRequest):
    """A prompt to continue."""

    prompt: str
    """Text to continue. May be empty."""
    stream: bool = False
    """Return the text as server-sent events while it is generated."""
    state: Annotated[str, Field(min_length=1, max_length=LONGEST_STATE)] | None = None
    """The `state` of an earlier response. The prompt is appended to the text of that response."""


class CharacterDetails(ResponseModel):
    """Details of a text, one entry for each character. Present if requested."""

    log_probabilities: list[float] | None = None
    """Log-probability of each character under the model's own distribution, whatever the sampling
    parameters."""
    top_log_probabilities: list[dict[str, float]] | None = None
    """The most likely characters at each position, with their log-probabilities."""
    activations: list[list[float]] | None = None
    """For each of the requested `cells`, its activation at each character, from -1 to 1."""


class GenerateResponse(CharacterDetails):
    model: str
    """Name of the model."""
    text: str
    """The generated text, without the prompt."""
    finish_reason: Literal["length", "stop"]
    """`length` at the maximum length, `stop` at a stop string or the model's end of text."""
    state: str | None = None
    """Signed state of the model after the text, if requested. Send it with a later request to the
    same model to continue the text."""
    unknown_characters: int | None = None
    """Number of characters in the prompt that are not in the model's alphabet, if there are any.
    The model reads a placeholder for each."""
    prompt: CharacterDetails | None = None
    """Details of the prompt, if requested by `echo`."""


@router.post(
    "/v1/generate",
    response_model=GenerateResponse,
    responses={**ERROR_RESPONSES, **EVENT_STREAM},
)
async def generate(body: GenerateRequest, request: Request, context: Context) -> Response:
    """Continue a text, character by character. With `stream`, chunks are sent as server-sent events
    while they are generated."""
    served = context.models.select("generate", body.model)
    label_request(request, served)
    example = _read(context, served, body)
    if not body.stream:
        result = await infer_examples(context, served, [example], request)
        return AnswerResponse(_response(context, served, result), headers=timing_headers(result))

    def events(chunk: StreamChunk) -> list[str]:
        """The only event of a chunk:

        data: {"text": " O, that I were a glove", "finish_reason": null}

        data: {"model": "shakespeare", "text": " upon that hand", "finish_reason": "length"}
        """
        head: dict[str, Any] = {"text": chunk.text, "finish_reason": None}
        if chunk.last:
            whole = _response(context, served, chunk.result)
            head = {name: value for name, value in whole.items() if name not in DETAILS}
        return [_event({**head, "text": chunk.text, **chunk.details})]

    chunks = stream_chunks(context, served, [example], request)
    return await event_stream_response(chunks, request, events, _error_event)


def _read(context: ServiceContext, served: ServedModel, body: GenerateRequest) -> Example:
    """Raises Problem 422."""
    task = served.predictor.task
    row = {"prompt": body.prompt}
    if body.state is not None:
        row["state"] = context.state_signer.verify(served, body.state)
    options = task.options_type.parse(body.options(), source="options")
    try:
        return task.read(row, options)
    except InvalidText as error:
        raise invalid_text(error, "/prompt") from None


def _response(context: ServiceContext, served: ServedModel, result: Result) -> dict[str, Any]:
    """The answer as JSON, with its state signed."""
    (answer,) = result.answers
    body = {"model": served.name, "text": answer["text"], "finish_reason": answer["finish_reason"]}
    if answer["unknown_characters"]:
        body["unknown_characters"] = answer["unknown_characters"]
    body |= {name: answer[name] for name in DETAILS if name in answer}
    if "state" in answer:
        body["state"] = context.state_signer.sign(served, answer["state"])
    return body


def _error_event(problem: Problem) -> str:
    return "event: error\n" + _event({"error": problem.detail, "code": problem.code})


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
