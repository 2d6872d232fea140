"""What goes out as JSON: answers, models, errors."""

from typing import Any, Literal

from pydantic import BaseModel


class Seen(BaseModel):
    """If asked for: of each character, in its order."""

    log_probabilities: list[float] | None = None
    """Under the model itself, whatever the sampling asked for."""
    top_log_probabilities: list[dict[str, float]] | None = None
    """The likeliest characters that might have stood there."""
    activations: list[list[float]] | None = None
    """A list for each of `cells`; from -1 to 1."""


class GenerateResponse(Seen):
    model: str
    text: str
    """What was written, without the prompt."""
    finish_reason: Literal["length", "stop"]
    state: str | None = None
    """If asked for: what goes on with this text, in a request to this model."""
    unknown_characters: int | None = None
    """How many characters of the prompt the model never saw, if any: it read a placeholder."""
    prompt: Seen | None = None
    """If asked for by `echo`."""


class Score(BaseModel):
    label: str
    score: float


class Share(BaseModel):
    text: str
    start: int
    """In Unicode code points, as `end`."""
    end: int
    share: float
    """Negative for what speaks against the label."""


class Explanation(BaseModel):
    """Integrated gradients: the baseline and all shares are the score."""

    label: str
    baseline: float
    """The score of as many words that the model does not know."""
    tokens: list[Share]


class Classification(BaseModel):
    label: str
    """The label with the highest score."""
    score: float
    labels: list[str] | None = None
    """For multi-label models: the labels that reach their thresholds."""
    scores: list[Score]
    """The highest first."""
    explanation: Explanation | None = None
    """If asked for."""


class ClassifyResponse(BaseModel):
    model: str
    results: list[Classification]
    """In the order of the texts."""


class Entity(BaseModel):
    text: str
    """What stands between `start` and `end` of the text that was sent."""
    label: str
    start: int
    """In Unicode code points, as `end`."""
    end: int
    score: float
    """The probability of just this span and label."""


class Word(BaseModel):
    text: str
    start: int
    """In Unicode code points, as `end`."""
    end: int
    tags: list[Score]
    """The most probable label first; O for none."""


class Entities(BaseModel):
    entities: list[Entity]
    """In the order of the text."""
    tokens: list[Word] | None = None
    """If the marginals are asked for."""


class TagResponse(BaseModel):
    model: str
    results: list[Entities]
    """In the order of the texts."""


class Alternative(BaseModel):
    text: str
    score: float


class Translation(BaseModel):
    text: str
    score: float
    """Its log-probability: of all sentences together, where there are several."""
    alternatives: list[Alternative] | None = None
    """If asked for: the likeliest first."""
    source_tokens: list[str] | None = None
    """If the alignment is asked for: with ▁ for a space, as `tokens`."""
    tokens: list[str] | None = None
    alignment: list[list[float]] | None = None
    """A row for each of `tokens`: how much it looked at each of `source_tokens`. What is missing
    from 1 went to the end of the sentence."""


class TranslateResponse(BaseModel):
    model: str
    results: list[Translation]
    """In the order of the texts."""


class ModelLimits(BaseModel):
    tokens: int
    """The longest text."""
    texts: int
    """The most texts in one request."""


class ModelCard(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["textrnn"] = "textrnn"
    task: str
    description: str
    languages: list[str]
    labels: list[str] | None
    cells: int | None
    """Of generators: how many cells of the last layer there are to be watched."""
    metrics: dict[str, dict[str, float]]
    limits: ModelLimits
    default: bool
    """Whether this is what its task uses when a request names no model."""


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


class Status(BaseModel):
    status: str


class FieldFault(BaseModel):
    pointer: str
    message: str
    code: str
    limit: int | None = None


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str
    code: str
    request_id: str
    errors: list[FieldFault] | None = None


PROBLEM: dict[str, Any] = {
    "model": ProblemDocument,
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    },
}
