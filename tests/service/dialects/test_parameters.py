"""The parameters of the dialects take their bounds from the native API."""

import ast

import pytest
from pydantic import ValidationError

from service.api.classify import ClassifyRequest
from service.api.generate import GenerateRequest
from service.api.translate import TranslateRequest
from service.dialects.huggingface.requests import (
    BeamSearchParameters,
    ClassificationParameters,
    GenerationParameters,
)
from service.dialects.libretranslate.requests import TranslateQuery
from service.dialects.openai.requests import CompletionRequest
from support.paths import ROOT
from support.schemas import field_schema
from textrnn.tasks.classify.options import ClassifyOptions
from textrnn.tasks.translate.options import TranslateOptions

SAME = [
    (GenerationParameters, "max_new_tokens", GenerateRequest, "max_characters"),
    (GenerationParameters, "top_k", GenerateRequest, "top_k"),
    (GenerationParameters, "top_p", GenerateRequest, "top_p"),
    (GenerationParameters, "repetition_penalty", GenerateRequest, "repetition_penalty"),
    (GenerationParameters, "seed", GenerateRequest, "seed"),
    (GenerationParameters, "stop", GenerateRequest, "stop"),
    (ClassificationParameters, "top_k", ClassifyRequest, "top_k"),
    (ClassificationParameters, "function_to_apply", ClassifyOptions, "function_to_apply"),
    (BeamSearchParameters, "num_beams", TranslateRequest, "beam_size"),
    (BeamSearchParameters, "length_penalty", TranslateOptions, "length_penalty"),
    (CompletionRequest, "logprobs", GenerateRequest, "top_log_probabilities"),
    (TranslateQuery, "alternatives", TranslateRequest, "alternatives"),
]
OWN_BOUNDS = {
    ("huggingface/requests.py", "temperature"): {"ge", "gt"},
    ("huggingface/requests.py", "top_n_tokens"): {"ge"},
    ("huggingface/requests.py", "truncate"): {"ge"},
    ("huggingface/requests.py", "inputs"): {"min_length"},
    ("libretranslate/requests.py", "LanguageTag"): {"min_length", "max_length"},
    ("libretranslate/requests.py", "q"): {"min_length"},
    ("openai/requests.py", "Token"): {"ge"},
    ("openai/requests.py", "max_tokens"): {"ge"},
    ("openai/requests.py", "temperature"): {"ge", "le"},
    ("openai/requests.py", "top_p"): {"ge", "gt"},
    ("openai/requests.py", "n"): {"ge", "le"},
    ("openai/requests.py", "best_of"): {"ge", "le"},
    ("openai/requests.py", "presence_penalty"): {"ge", "le"},
    ("openai/requests.py", "frequency_penalty"): {"ge", "le"},
}
"""Bounds that a dialect states itself, since its API has them or differs there."""


@pytest.mark.parametrize(
    ("parameters", "name", "request_type", "option"), SAME, ids=lambda value: str(value)[-40:]
)
def test_bounds_are_those_of_the_native_api(parameters, name, request_type, option):
    """Fails if a dialect has another bound or description than the native API."""
    one, other = field_schema(parameters, name), field_schema(request_type, option)
    for schema in (one, other):
        schema.pop("default", None)
    assert one == other


def test_bounds_that_a_dialect_changes():
    """Fails if overriding one bound of a parameter loses the others."""
    accepted = [
        (GenerationParameters, {"temperature": 10}), (GenerationParameters, {"top_n_tokens": 5}),
        (CompletionRequest, {"model": "a", "max_tokens": 8192}),
        (CompletionRequest, {"model": "a", "top_p": 0}),
        (CompletionRequest, {"model": "a", "stop": ["a" * 64] * 4}),
        (CompletionRequest, {"model": "a", "stop": "a" * 64}),
    ]  # fmt: skip
    refused = [
        (GenerationParameters, {"temperature": 0}), (GenerationParameters, {"temperature": 10.1}),
        (GenerationParameters, {"top_n_tokens": 0}), (GenerationParameters, {"top_n_tokens": 6}),
        (CompletionRequest, {"model": "a", "max_tokens": 8193}),
        (CompletionRequest, {"model": "a", "top_p": 1.1}),
        (CompletionRequest, {"model": "a", "stop": ["a"] * 5}),
        (CompletionRequest, {"model": "a", "stop": "a" * 65}),
    ]  # fmt: skip
    for model, body in accepted:
        model.model_validate(body)
    for model, body in refused:
        with pytest.raises(ValidationError):
            model.model_validate(body)


def test_no_bound_is_stated_twice():
    """Fails if a dialect states a bound that it could take from the native API."""
    folder, stated = ROOT / "service/dialects", {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AnnAssign):
                name = ast.unparse(node.target)
            elif isinstance(node, ast.Assign):
                name = ast.unparse(node.targets[0])
            else:
                continue
            bounds = {
                keyword.arg
                for call in ast.walk(node)
                if isinstance(call, ast.Call)
                for keyword in call.keywords
                if keyword.arg in {"ge", "gt", "le", "lt", "min_length", "max_length", "pattern"}
                and isinstance(keyword.value, ast.Constant | ast.UnaryOp)
            }
            if bounds:
                stated[str(path.relative_to(folder)), name] = bounds
    assert stated == OWN_BOUNDS
