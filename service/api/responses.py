"""Responses of the native API: results of the tasks, models and errors."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class ResponseModel(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


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


class LabelScore(ResponseModel):
    label: str
    score: float


class TokenAttribution(ResponseModel):
    text: str
    start: int
    """Offset of the first character in Unicode code points."""
    end: int
    """Offset after the last character in Unicode code points."""
    share: float
    """Contribution of the token to the score. Negative if it lowers the score."""


class Explanation(ResponseModel):
    """Attributions by integrated gradients. The baseline and all shares add up to the score."""

    label: str
    """The label whose score is explained."""
    baseline: float
    """Score of a text of equal length in which every token is unknown."""
    tokens: list[TokenAttribution]


class Classification(ResponseModel):
    label: str
    """The label with the highest score."""
    score: float
    labels: list[str] | None = None
    """Of multi-label models: the labels whose score reaches their threshold."""
    scores: list[LabelScore]
    """Scores by label, highest first."""
    explanation: Explanation | None = None
    """Present if requested by `explain`."""


class ClassifyResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[Classification]
    """In the order of the texts."""


class TaggedEntity(ResponseModel):
    text: str
    """The characters from `start` to `end` of the request's text."""
    label: str
    start: int
    """Offset of the first character in Unicode code points."""
    end: int
    """Offset after the last character in Unicode code points."""
    score: float
    """Probability of exactly this span with this label."""


class TaggedWord(ResponseModel):
    text: str
    start: int
    """Offset of the first character in Unicode code points."""
    end: int
    """Offset after the last character in Unicode code points."""
    tags: list[LabelScore]
    """Marginal probabilities by label, highest first. `O` means no entity."""


class TaggedText(ResponseModel):
    entities: list[TaggedEntity]
    """In the order of the text."""
    tokens: list[TaggedWord] | None = None
    """Present if requested by `marginals`."""


class TagResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[TaggedText]
    """In the order of the texts."""


class Alternative(ResponseModel):
    text: str
    score: float
    """Log-probability of the translation, summed over its sentences."""


class Translation(ResponseModel):
    text: str
    score: float
    """Log-probability of the translation, summed over its sentences."""
    alternatives: list[Alternative] | None = None
    """Further translations, best first. Present if requested."""
    source_tokens: list[str] | None = None
    """Tokens of the source, with ▁ for a space. Present if requested by `alignment`."""
    tokens: list[str] | None = None
    """Tokens of the translation, with ▁ for a space. Present if requested by `alignment`."""
    alignment: list[list[float]] | None = None
    """Attention weights: for each of `tokens` a row with a weight for each of `source_tokens`. The
    rest up to 1 is the weight of the end of the sentence."""


class TranslateResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[Translation]
    """In the order of the texts."""


class ModelLimits(ResponseModel):
    tokens: int
    """Maximum length of a text."""
    texts: int
    """Maximum number of texts in one request."""


class ModelCard(ResponseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["textrnn"] = "textrnn"
    task: str
    description: str
    languages: list[str]
    labels: list[str] | None
    cells: int | None
    """Of models that generate text: number of cells in the last layer."""
    metrics: dict[str, dict[str, float]]
    limits: ModelLimits
    default: bool
    """Whether requests for the task that name no model use this one."""


class ModelList(ResponseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


class Status(ResponseModel):
    status: str


class FieldError(ResponseModel):
    pointer: str
    """JSON pointer to the invalid value in the body."""
    message: str
    code: str
    limit: int | None = None
    """The limit that was exceeded, if there is one."""


class ProblemDocument(ResponseModel):
    """An error as problem details (RFC 9457)."""

    type: str
    """URN of the kind of error."""
    title: str
    """The reason phrase of the status."""
    status: int
    detail: str
    """What went wrong and what to do, in a sentence."""
    instance: str
    """Path of the request."""
    error: str
    """The same as `detail`, for clients of other APIs."""
    code: str
    """Stable name of the error, for programs."""
    request_id: str
    errors: list[FieldError] | None = None
    """Of invalid requests: what is wrong with which field."""


PROBLEM: dict[str, Any] = {
    "model": ProblemDocument,
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    },
}
