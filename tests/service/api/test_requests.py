"""Requests are made from the options of their tasks, which hold all bounds and defaults."""

import pytest
from pydantic import Field, ValidationError

from service.api.classify import ClassifyRequest
from service.api.generate import GenerateRequest
from service.api.requests import TextsRequest, with_options
from service.api.tag import TagRequest
from service.api.translate import TranslateRequest
from support.schemas import field_schema
from textrnn.tasks import TASKS
from textrnn.tasks.options import LibraryOnly, Options

REQUESTS = {
    "classify": (ClassifyRequest, {"text": "a"}),
    "tag": (TagRequest, {"text": "a"}),
    "translate": (TranslateRequest, {"text": "a"}),
    "generate": (GenerateRequest, {"prompt": "a"}),
}
SERVICE_BOUNDS = {
    ("classify", "top_k"): {"maximum": 1000},
    ("translate", "beam_size"): {"maximum": 16},
    ("translate", "alternatives"): {"maximum": 15},
    ("generate", "max_characters"): {"maximum": 8192},
    ("generate", "top_k"): {"minimum": 1, "maximum": 65_536, "default": None},
}
LIBRARY_ONLY = {
    "classify": {"truncate": False, "function_to_apply": "none"},
    "tag": {"truncate": False, "tags": True},
    "translate": {
        "truncate": False, "length_penalty": 1.0, "min_length": 1, "max_length": 9,
        "no_repeat_ngram": 2, "repetition_penalty": 1.2, "sentence_alignments": True,
        "score_target": True,
    },
    "generate": {"truncate": False, "window": 9},
}  # fmt: skip


@pytest.mark.parametrize("task", REQUESTS)
def test_a_request_has_the_options_of_its_task(task):
    """Fails if an option is missing from a request, or has another bound, default or description
    there than in its task, apart from the bounds of the service."""
    request, _ = REQUESTS[task]
    options = TASKS[task].options_type
    names = set(options.model_fields) - set(LIBRARY_ONLY[task])
    assert names == set(options.exposed())
    for name in names:
        expected = field_schema(options, name) | SERVICE_BOUNDS.get((task, name), {})
        assert expected["description"]
        assert field_schema(request, name) == expected


@pytest.mark.parametrize("task", REQUESTS)
def test_options_of_the_library_are_no_fields_of_a_request(task):
    """Fails if a request takes an option that is not offered over HTTP, or if the option is gone
    from the library."""
    request, body = REQUESTS[task]
    TASKS[task].options_type.parse(LIBRARY_ONLY[task], source="options")
    for name, value in LIBRARY_ONLY[task].items():
        with pytest.raises(ValidationError) as caught:
            request.model_validate({**body, name: value})
        assert [error["type"] for error in caught.value.errors()] == ["extra_forbidden"]


@pytest.mark.parametrize("task", REQUESTS)
def test_null_means_the_default(task):
    """Fails if an option that is null is passed to the task, or if a default of the request is not
    that of the task."""
    request, body = REQUESTS[task]
    options = TASKS[task].options_type
    nulls = dict.fromkeys(options.exposed())
    assert request.model_validate({**body, **nulls}).options() == {}
    assert options.parse(request.model_validate(body).options(), source="options") == options()


@pytest.mark.parametrize(
    ("task", "option", "value", "error"),
    [
        ("classify", "top_k", "3", "int_type"),
        ("tag", "min_score", "0.5", "float_type"),
        ("tag", "marginals", 1, "bool_type"),
        ("translate", "beam_size", 2.0, "int_type"),
        ("generate", "stop", "end", "list_type"),
        ("generate", "cells", [1.5], "int_type"),
    ],
)
def test_values_are_not_coerced(task, option, value, error):
    """Fails if a request takes a value of another type, as the options of a task do."""
    request, body = REQUESTS[task]
    with pytest.raises(ValidationError) as caught:
        request.model_validate({**body, option: value})
    assert [error["type"] for error in caught.value.errors()] == [error]


def test_a_new_option_is_one_edit():
    """Fails if a request has to name an option of its task to offer it."""

    class TrimOptions(Options):
        words: int = Field(default=3, ge=1)
        """Number of words to keep."""
        verbose: LibraryOnly[bool] = False

    @with_options(TrimOptions)
    class TrimRequest(TextsRequest):
        pass

    assert field_schema(TrimRequest, "words") == field_schema(TrimOptions, "words")
    assert TrimRequest.model_validate({"text": "a", "words": 2}).options() == {"words": 2}
    with pytest.raises(ValidationError):
        TrimRequest.model_validate({"text": "a", "verbose": True})


@pytest.mark.parametrize("task", ["classify", "tag", "translate"])
def test_the_schema_says_that_text_and_texts_exclude_each_other(task):
    """Fails if the OpenAPI document and the server disagree about a body."""
    request, _ = REQUESTS[task]
    branches = request.model_json_schema()["oneOf"]
    assert branches == [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
        for name in ("text", "texts")
    ]
    for body in (
        {}, {"text": "a"}, {"texts": ["a"]}, {"text": "a", "texts": ["a"]}, {"text": None},
        {"text": None, "texts": ["a"]}, {"text": "a", "texts": None}, {"text": None, "texts": None},
    ):  # fmt: skip
        try:
            request.model_validate(body)
            accepted = True
        except ValidationError:
            accepted = False
        set_fields = [name for name in ("text", "texts") if body.get(name) is not None]
        assert (len(set_fields) == 1) == accepted, body
