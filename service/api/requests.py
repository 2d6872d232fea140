"""What comes in as JSON."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]
Stop = Annotated[str, Field(min_length=1, max_length=64)]
ModelName = Annotated[str, Field(max_length=64)]


class Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class TextsRequest(Strict):
    """One text, or several: either way the same path and the same limits."""

    text: Text | None = None
    texts: Annotated[list[Text], Field(min_length=1)] | None = None
    model: ModelName | None = None
    """A model of this task; the task's default, if not given."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either text or texts")
        return self

    def located(self) -> list[tuple[str, str]]:
        """Each text with the JSON pointer to it."""
        if self.text is not None:
            return [("/text", self.text)]
        return [(f"/texts/{index}", text) for index, text in enumerate(self.texts or [])]

    def options(self) -> dict[str, Any]:
        """The options of the task that are given, by name."""
        return self.model_dump(exclude={"text", "texts", "model"}, exclude_none=True)


class ClassifyRequest(TextsRequest):
    top_k: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many of the scores to answer; all, if not given."""
    explain: bool | None = None
    """Whether to answer what each token has to do with the score."""


class TagRequest(TextsRequest):
    min_score: Annotated[float, Field(ge=0, le=1)] | None = None
    """Leave out entities that are less probable than this."""
    marginals: bool | None = None
    """Whether to answer how probable each label is for each word."""


Language = Annotated[str, Field(min_length=1, max_length=16)]


class TranslateRequest(TextsRequest):
    source_language: Language | None = None
    """The language of the texts, as in `en`; the model's, if not given."""
    target_language: Language | None = None
    """The language to translate to. Where no model is named, the languages choose one."""
    beam_size: Annotated[int, Field(ge=1, le=16)] | None = None
    """Hypotheses that the search follows, up to the widest beam of the model; 1 is greedy."""
    alternatives: Annotated[int, Field(ge=0, le=15)] | None = None
    """How many more translations to answer, fewer than the widest beam of the model."""
    alignment: bool | None = None
    """Whether to answer the tokens of both sides, and how much each looked at each."""

    def options(self) -> dict[str, Any]:
        languages = {"source_language", "target_language"}
        return {name: of for name, of in super().options().items() if name not in languages}


MOST_CHARACTERS = 8192
"""Of one answer: what 64 streams side by side can write well within the deadline."""


class GenerateRequest(Strict):
    prompt: str
    """What to go on with; may be empty."""
    model: ModelName | None = None
    max_characters: Annotated[int, Field(ge=1, le=MOST_CHARACTERS)] = 256
    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    """0.8, if not given. 0 writes the likeliest character always, 1 draws from the model's own
    distribution."""
    top_k: Annotated[int, Field(ge=1, le=65_536)] | None = None
    """Of how many of the likeliest characters one is drawn."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of the fewest characters that are together as probable as this one is drawn."""
    repetition_penalty: Annotated[float, Field(ge=0.1, le=10)] | None = None
    """Makes characters that the text has already less likely; 1 does not."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """With equal seeds and options, equal prompts are gone on with equally."""
    stop: Annotated[list[Stop], Field(max_length=4)] | None = None
    """Strings before which the text ends."""
    stream: bool = False
    """Whether to answer with server-sent events."""
    state: Annotated[str, Field(min_length=1, max_length=2**18)] | None = None
    """Of an earlier answer: the text that it ended is gone on with, behind it the prompt."""
    return_state: bool = False
    log_probabilities: bool = False
    """Whether to answer the log-probability of each character."""
    top_log_probabilities: Annotated[int, Field(ge=0, le=5)] = 0
    """How many of the likeliest characters to answer for each character."""
    cells: Annotated[list[Annotated[int, Field(ge=0, lt=65_536)]], Field(max_length=8)] = []
    """Cells of the last layer: what each held when the model came to each character."""
    echo: bool = False
    """Whether to answer all this of the characters of the prompt, too."""

    def options(self) -> dict[str, Any]:
        """The options of the task that are given, by name."""
        others = {"prompt", "model", "stream", "state"}
        return self.model_dump(exclude=others, exclude_none=True)
