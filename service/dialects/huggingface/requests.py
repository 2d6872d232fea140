"""Requests of Hugging Face Inference: the body, and the parameters of each pipeline."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from service.api.classify import ClassifyRequest
from service.api.generate import GenerateRequest
from service.api.requests import LanguageCode, StrictModel, Text, field_like
from service.api.translate import TranslateRequest
from textrnn.tasks.classify.options import ClassifyOptions, ScoreFunction
from textrnn.tasks.generate.options import StopString
from textrnn.tasks.translate.options import TranslateOptions


class InferenceRequest(StrictModel):
    """Inputs for a model. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    inputs: str | Annotated[list[Text], Field(min_length=1)]
    """A text or, for all pipelines except text generation, a list of texts."""
    parameters: dict[str, Any] = {}
    """Parameters of the model's pipeline."""
    stream: bool = False
    """Return generated text as server-sent events."""


class ClassificationParameters(StrictModel):
    """Parameters of text classification."""

    function_to_apply: ScoreFunction | None = field_like(ClassifyOptions, "function_to_apply")
    top_k: int | None = field_like(ClassifyRequest, "top_k")


class TaggingParameters(StrictModel):
    """Parameters of token classification."""

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] = "simple"
    """Whether to return entities or, with `none`, a label for each word. The other strategies are
    equivalent, since words are never split into several tokens."""
    ignore_labels: list[str] = ["O"]
    """Labels to leave out."""
    stride: int | None = None
    """Ignored: long texts are read whole, without overlapping windows."""


class BeamSearchParameters(StrictModel):
    """Parameters of beam search."""

    num_beams: int | None = field_like(TranslateRequest, "beam_size")
    length_penalty: float | None = field_like(TranslateOptions, "length_penalty")


class TranslationParameters(StrictModel):
    """Parameters of translation."""

    src_lang: LanguageCode | None = None
    """Language code of the texts. Must be the model's source language."""
    tgt_lang: LanguageCode | None = None
    """Language code of the translation. Must be the model's target language."""
    clean_up_tokenization_spaces: bool | None = None
    """Ignored: translations need no clean-up."""
    truncation: Literal["do_not_truncate", "longest_first", "only_first", "only_second"] = (
        "do_not_truncate"
    )
    """Whether to truncate a text that exceeds the model's limit. `only_second` does not truncate,
    since there is no second text."""
    generate_parameters: BeamSearchParameters = BeamSearchParameters()

    def options(self) -> dict[str, Any]:
        """The task options."""
        return {
            "truncate": self.truncation in ("longest_first", "only_first"),
            "beam_size": self.generate_parameters.num_beams,
            "length_penalty": self.generate_parameters.length_penalty,
        }


class GenerationParameters(StrictModel):
    """Parameters of text generation. A token is a character."""

    max_new_tokens: int = field_like(GenerateRequest, "max_characters", default=100)
    do_sample: bool = False
    """Sample the next token. Implied by `temperature`, `top_k` and `top_p`. By default decoding is
    greedy."""
    temperature: float | None = field_like(
        GenerateRequest, "temperature", default=None, ge=None, gt=0
    )
    top_k: int | None = field_like(GenerateRequest, "top_k")
    top_p: float | None = field_like(GenerateRequest, "top_p", default=None)
    repetition_penalty: float = field_like(GenerateRequest, "repetition_penalty")
    seed: int | None = field_like(GenerateRequest, "seed")
    stop: list[StopString] = field_like(GenerateRequest, "stop")
    return_full_text: bool = False
    """Return the prompt in front of the generated text."""
    details: bool = False
    """Return the tokens with their log-probabilities, and why the text ends."""
    decoder_input_details: bool = False
    """Also return the log-probabilities of the tokens of the prompt."""
    top_n_tokens: int | None = field_like(
        GenerateRequest, "top_log_probabilities", default=None, ge=1
    )
    truncate: Annotated[int, Field(ge=1)] | None = None
    """Number of tokens to keep of the prompt, counted from its end."""

    def options(self) -> dict[str, Any]:
        """The task options."""
        samples = self.do_sample or any((self.temperature, self.top_k, self.top_p))
        return {
            "max_characters": self.max_new_tokens,
            "temperature": (self.temperature or 1.0) if samples else 0.0,
            "top_k": self.top_k or 0,
            "top_p": self.top_p or 1.0,
            "repetition_penalty": self.repetition_penalty,
            "seed": self.seed,
            "stop": tuple(self.stop),
            "log_probabilities": True,
            "top_log_probabilities": self.top_n_tokens or 0,
            "echo": self.decoder_input_details,
        }
