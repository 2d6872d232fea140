"""The dialects, tested with the official clients against a real server process."""

import math
from typing import Any

import httpx
import huggingface_hub
import numpy as np
import openai
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError, ValidationError
from libretranslatepy import LibreTranslateAPI

import textrnn
from support.made_up_words import WORDS

PEOPLE = "\U0001f44d Ada Lovelace met Bob in New York ."


def hugging_face(server, name):
    return InferenceClient(model=f"{server.url}/models/{name}", token="none", timeout=60)


@pytest.fixture(scope="module")
def completions(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", timeout=60) as client:
        yield client.completions


@pytest.fixture(scope="module")
def writer(generate_bundle):
    return textrnn.load(generate_bundle)


def libre(server):
    return LibreTranslateAPI(server.url)


@pytest.fixture
def hub_client(monkeypatch):
    """Lifts the offline mode of the tests, in which the client refuses to call any server."""
    monkeypatch.setattr(huggingface_hub.constants, "is_offline_mode", lambda: False)


@pytest.mark.usefixtures("hub_client")
class TestHuggingFace:
    def test_text_classification(self, server, warm_predictor):
        """Fails if the response is not a nested list: the client would then lose all labels but
        one."""
        result = hugging_face(server, "tiny").text_classification("a lovely film")
        (own,) = warm_predictor.predict(["a lovely film"])
        assert [score.label for score in result] == [score["label"] for score in own["scores"]]
        assert result[0].score == pytest.approx(own["score"], abs=1e-5)
        (best,) = hugging_face(server, "tiny").text_classification("a lovely film", top_k=1)
        assert best.label == "friendly"

    def test_functions_to_apply(self, server):
        client = hugging_face(server, "tiny")
        result = {
            function: np.array(
                [
                    score.score
                    for score in client.text_classification("a plot", function_to_apply=function)
                ]
            )
            for function in ("none", "softmax", "sigmoid")
        }
        temperature = (result["none"][0] - result["none"][1]) / math.log(
            result["softmax"][0] / result["softmax"][1]
        )
        logits = result["none"] / temperature
        np.testing.assert_allclose(result["sigmoid"], 1 / (1 + np.exp(-logits)), atol=1e-3)

    @pytest.mark.parametrize("strategy", ["simple", "first", "average", "max", None])
    def test_token_classification(self, server, strategy):
        client = hugging_face(server, "tiny-tag")
        result = client.token_classification(PEOPLE, aggregation_strategy=strategy)
        assert [(e.word, e.entity_group) for e in result] == [
            ("Ada Lovelace", "PER"), ("Bob", "PER"), ("New York", "LOC"),
        ]  # fmt: skip
        assert all(PEOPLE[e.start : e.end] == e.word for e in result)
        assert all(0.5 < e.score <= 1 for e in result)

    def test_token_classification_without_aggregation(self, server):
        client = hugging_face(server, "tiny-tag")
        result = client.token_classification(PEOPLE, aggregation_strategy="none")
        assert [(e.word, e.entity) for e in result] == [
            ("Ada", "B-PER"), ("Lovelace", "I-PER"), ("Bob", "B-PER"), ("New", "B-LOC"),
            ("York", "I-LOC"),
        ]  # fmt: skip
        every = client.token_classification(
            PEOPLE, aggregation_strategy="none", ignore_labels=["B-PER"]
        )
        assert [e.entity for e in every] == ["O", "I-PER", "O", "O", "B-LOC", "I-LOC", "O"]

    def test_translation(self, server):
        client = hugging_face(server, "tiny-translate")
        assert client.translation("one two 17 red").translation_text == "red 17 two one"
        options = {"src_lang": "en", "tgt_lang": "de", "generate_parameters": {"num_beams": 1}}
        assert client.translation("blue cat", **options).translation_text == "cat blue"
        with pytest.raises(HfHubHTTPError, match="translates from en to de"):
            client.translation("blue cat", src_lang="de", tgt_lang="en")

    def test_truncation_sets_a_warning_header(self, server):
        body = {"inputs": "cat " * 150, "parameters": {"truncation": "longest_first"}}
        url = f"{server.url}/models/tiny-translate"
        response = httpx.post(url, json=body, timeout=60)
        assert response.status_code == 200
        assert response.headers["x-hf-warning"].startswith("truncation;")
        assert (
            httpx.post(url, json={"inputs": "cat"}, timeout=60).headers.get("x-hf-warning") is None
        )

    def test_text_generation(self, server, writer):
        client = hugging_face(server, "tiny-generate")
        options: dict[str, Any] = {"max_new_tokens": 30, "seed": 3}
        text = client.text_generation("cat ", temperature=0.7, **options)
        (own,) = writer.predict(["cat "], max_characters=30, temperature=0.7, seed=3)
        assert text == own["text"]
        whole = client.text_generation("cat ", temperature=0.7, return_full_text=True, **options)
        assert whole == "cat " + text
        greedy = [client.text_generation("cat ", max_new_tokens=8, seed=seed) for seed in (1, 2)]
        assert greedy[0] == greedy[1], "without sampling a seed changes nothing"
        cut = client.text_generation("cat dog ", truncate=4, temperature=0.7, **options)
        (continuation,) = writer.predict(["dog "], max_characters=30, temperature=0.7, seed=3)
        assert cut == continuation["text"]

    def test_details_of_generation(self, server, writer):
        client = hugging_face(server, "tiny-generate")
        result = client.text_generation(
            "cat ", max_new_tokens=12, do_sample=True, seed=3, stop=["zz"], details=True,
            decoder_input_details=True, top_n_tokens=3,
        )  # fmt: skip
        details = result.details
        assert (details.finish_reason, details.generated_tokens, details.seed) == ("length", 12, 3)
        assert "".join(token.text for token in details.tokens) == result.generated_text
        assert [token.text for token in details.prefill] == list("cat ")
        (scored,) = writer.predict_rows(
            [{"text": "cat " + result.generated_text}], log_probabilities=True
        )
        logprobs = [token.logprob for token in [*details.prefill, *details.tokens]]
        np.testing.assert_allclose(logprobs, scored["log_probabilities"], atol=1e-3)
        ids = writer.task.tokenizer.encode(result.generated_text).ids
        assert [token.id for token in details.tokens] == list(ids)
        assert all(len(top) == 3 for top in details.top_tokens)
        (stop,) = [word[0] for word in WORDS if result.generated_text.startswith(word)]
        stopped = client.text_generation(
            "cat ", max_new_tokens=12, do_sample=True, seed=3, stop=[stop], details=True
        )
        assert stopped.details.finish_reason == "stop_sequence"
        assert stopped.generated_text == ""

    def test_streamed(self, server):
        client = hugging_face(server, "tiny-generate")
        options = {"max_new_tokens": 30, "do_sample": True, "seed": 3}
        whole = client.text_generation("cat ", **options)
        stream_chunks = list(client.text_generation("cat ", stream=True, **options))
        assert stream_chunks == list(whole)
        *events, last = client.text_generation("cat ", stream=True, details=True, **options)
        assert [event.index for event in [*events, last]] == list(range(1, 31))
        assert {event.generated_text for event in events} == {None}
        assert last.generated_text == whole
        assert (last.details.finish_reason, last.details.input_length) == ("length", 4)
        none = client.text_generation(
            "cat ", stream=True, details=True, stop=list(whole[0]), **options
        )
        (only,) = none
        assert (only.token.text, only.token.special, only.generated_text) == ("", True, "")

    def test_errors(self, server):
        with pytest.raises(HfHubHTTPError, match="no such model"):
            hugging_face(server, "none").text_classification("a")
        with pytest.raises(ValidationError, match="max_new_tokens"):
            hugging_face(server, "tiny-generate").text_generation("a", max_new_tokens=10**6)
        with pytest.raises(ValidationError, match="too long"):
            list(hugging_face(server, "tiny-generate").text_generation("a" * 301, stream=True))
        with pytest.raises(HfHubHTTPError, match="aggregation_strategy"):
            hugging_face(server, "tiny-tag").token_classification("a", aggregation_strategy="no")

    def test_info_and_health(self, server):
        client = InferenceClient(provider="hf-inference", token="none")
        url = f"{server.url}/models/tiny"
        assert client.health_check(model=url)
        result = client.get_endpoint_info(model=url)
        assert (result["model_id"], result["model_pipeline_tag"]) == ("tiny", "text-classification")
        assert not client.health_check(model=f"{server.url}/models/none")


class TestOpenAI:
    REQUEST = {"model": "tiny-generate", "prompt": "cat ", "max_tokens": 40, "seed": 5}

    def test_whole(self, completions, writer):
        result = completions.create(**self.REQUEST)
        (own,) = writer.predict(["cat "], max_characters=40, temperature=1.0, seed=5)
        assert result.object == "text_completion"
        assert result.choices[0].text == own["text"]
        assert result.choices[0].finish_reason == "length"
        assert result.choices[0].logprobs is None
        usage = result.usage
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (4, 40, 44)
        assert len(completions.create(model="tiny-generate", prompt="cat ").choices[0].text) == 16

    def test_streamed(self, completions):
        whole = completions.create(**self.REQUEST).choices[0].text
        chunks = list(
            completions.create(**self.REQUEST, stream=True, stream_options={"include_usage": True})
        )
        *texts, usage = chunks
        assert "".join(chunk.choices[0].text for chunk in texts) == whole
        assert len(texts) > 2
        reasons = [chunk.choices[0].finish_reason for chunk in texts]
        assert reasons == [None] * (len(texts) - 1) + ["length"]
        assert (usage.choices, usage.usage.completion_tokens) == ([], 40)
        assert {chunk.id for chunk in chunks} == {chunks[0].id}

    def test_several_completions_of_several_prompts(self, completions):
        """Fails if `index` does not count over all prompts, or if streams are swapped."""
        options = {**self.REQUEST, "prompt": ["cat ", "owl "], "n": 2, "logprobs": 1}
        whole = completions.create(**options)
        assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]
        texts = [choice.text for choice in whole.choices]
        assert len(set(texts)) > 1
        assert completions.create(**self.REQUEST).choices[0].text == texts[0]
        stream_chunks, offsets = [""] * 4, [[] for _ in range(4)]
        for chunk in completions.create(**options, stream=True):
            (choice,) = chunk.choices
            stream_chunks[choice.index] += choice.text
            offsets[choice.index] += choice.logprobs.text_offset
        assert stream_chunks == texts
        assert offsets == [list(range(4, 44))] * 4
        best = completions.create(**{**self.REQUEST, "best_of": 4})
        likeliness = [
            sum(choice.logprobs.token_logprobs)
            for choice in completions.create(**{**self.REQUEST, "n": 4, "logprobs": 0}).choices
        ]
        four = completions.create(**{**self.REQUEST, "n": 4}).choices
        assert best.choices[0].text == four[int(np.argmax(likeliness))].text
        assert best.usage.completion_tokens == 160

    def test_tokens_are_characters(self, completions, writer):
        ids = [int(number) for number in writer.task.tokenizer.encode("cat ").ids]
        expected = completions.create(**self.REQUEST).choices[0].text
        for prompt in (ids, [ids]):
            result = completions.create(**{**self.REQUEST, "prompt": prompt})
            assert result.choices[0].text == expected

    def test_stop(self, completions):
        whole = completions.create(**self.REQUEST).choices[0].text
        stop = whole[6:9]
        result = completions.create(**self.REQUEST, stop=stop).choices[0]
        assert (result.text, result.finish_reason) == (whole[: whole.index(stop)], "stop")
        assert completions.create(**self.REQUEST, stop=["zz", stop]).choices[0].text == result.text

    def test_echo_with_logprobs(self, completions, writer):
        result = completions.create(**self.REQUEST, echo=True, logprobs=2).choices[0]
        own, seen = result.text, result.logprobs
        assert own.startswith("cat ")
        assert len(own) == 44
        assert seen.tokens == list(own)
        assert seen.text_offset == list(range(44))
        (scored,) = writer.predict_rows([{"text": own}], log_probabilities=True)
        assert seen.token_logprobs[0] is seen.top_logprobs[0] is None
        np.testing.assert_allclose(
            seen.token_logprobs[1:], scored["log_probabilities"][1:], atol=1e-3
        )
        for char, likelihood, top in zip(own, seen.token_logprobs, seen.top_logprobs, strict=True):
            if top is not None:
                assert 2 <= len(top) <= 3
                assert top[char] == pytest.approx(likelihood, abs=1e-4)
        stream_chunks = completions.create(**self.REQUEST, echo=True, logprobs=2, stream=True)
        logprobs = [
            one for chunk in stream_chunks for one in chunk.choices[0].logprobs.token_logprobs
        ]
        np.testing.assert_allclose(logprobs[1:], seen.token_logprobs[1:], atol=1e-3)

    def test_a_prompt_is_scored(self, completions, writer):
        result = completions.create(
            model="tiny-generate", prompt=["cat dog ", "zz"], max_tokens=0, echo=True, logprobs=1
        )
        first, second = result.choices
        (scored,) = writer.predict_rows([{"text": "cat dog "}], log_probabilities=True)
        assert first.text == "cat dog "
        np.testing.assert_allclose(
            first.logprobs.token_logprobs[1:], scored["log_probabilities"][1:], atol=1e-3
        )
        assert second.logprobs.tokens == ["z", "z"]
        assert result.usage.completion_tokens == 0

    def test_models(self, server):
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
            listed = [model.id for model in client.models.list()]
            assert listed[:2] == ["tiny", "tiny-tag"]
            assert client.models.retrieve("tiny-generate").owned_by == "textrnn"
            with pytest.raises(openai.NotFoundError):
                client.models.retrieve("none")

    @pytest.mark.parametrize(
        ("change", "kind", "param"),
        [
            ({"model": "none"}, openai.NotFoundError, None),
            ({"model": "tiny"}, openai.NotFoundError, None),
            ({"max_tokens": 10**6}, openai.BadRequestError, "max_tokens"),
            ({"temperature": 3}, openai.BadRequestError, "temperature"),
            ({"stop": ["a"] * 5}, openai.BadRequestError, "stop"),
            ({"stream_options": {"include_usage": True}}, openai.BadRequestError, None),
            ({"max_tokens": 0}, openai.BadRequestError, None),
            ({"suffix": "cat"}, openai.BadRequestError, None),
            ({"frequency_penalty": 1}, openai.BadRequestError, None),
            ({"best_of": 1, "n": 2}, openai.BadRequestError, None),
            ({"prompt": [1, 2]}, openai.BadRequestError, None),
            ({"prompt": "a" * 301}, openai.BadRequestError, "prompt"),
            ({"prompt": "a" * 301, "stream": True}, openai.BadRequestError, "prompt"),
            ({"prompt": ["a"] * 200, "n": 2}, openai.BadRequestError, None),
        ],
        ids=str,
    )
    def test_errors(self, completions, change, kind, param):
        with pytest.raises(kind) as caught:
            completions.create(**{**self.REQUEST, **change})
        assert caught.value.param == param
        assert caught.value.body["message"]

    def test_unknown_fields_are_ignored(self, completions):
        result = completions.create(**self.REQUEST, user="me", extra_body={"colour": "blue"})
        assert len(result.choices[0].text) == 40


class TestLibreTranslate:
    def test_translate(self, server):
        assert libre(server).translate("one two 17 red", "en", "de") == "red 17 two one"

    def test_the_language_is_detected(self, server):
        assert libre(server).detect("ich und der Hund")[0]["language"] == "de"
        assert libre(server).detect("the red fox")[0]["confidence"] > 50
        (none,) = libre(server).detect(" ")
        assert none == {"confidence": 0, "language": "en"}, "the client takes the first"
        body = {"q": ["one two red cat", "  "], "source": "auto", "target": "de"}
        result = httpx.post(f"{server.url}/translate", json=body, timeout=60).json()
        assert result["translatedText"] == ["cat red two one", "  "]
        first, blank = result["detectedLanguage"]
        assert (first["language"], blank["confidence"]) == ("en", 0)
        body = {"q": "ich und der Hund", "source": "auto", "target": "de"}
        result = httpx.post(f"{server.url}/translate", json=body, timeout=60).json()
        assert result["translatedText"] == "ich und der Hund"

    def test_languages(self, server):
        assert libre(server).languages() == [
            {"code": "de", "name": "German", "targets": []},
            {"code": "en", "name": "English", "targets": ["de"]},
        ]

    def test_forms_and_json_lists_and_alternatives(self, server):
        url, options = f"{server.url}/translate", {"source": "en", "target": "de"}
        one = httpx.post(
            url, data={"q": "one two", "alternatives": "2", **options}, timeout=60
        ).json()
        assert one["translatedText"] == "two one"
        assert len(one["alternatives"]) == 2
        assert "detectedLanguage" not in one
        for many in (
            httpx.post(url, json={"q": ["one two", "red"], **options}, timeout=60),
            httpx.post(url, data={"q": ["one two", "red"], **options}, timeout=60),
        ):
            assert many.json() == {"translatedText": ["two one", "red"]}

    def test_markup_is_kept(self, server):
        body = {
            "q": "<p class='a'>one <b>two</b></p><script>red = 1 < 2;</script> cat &amp; 8",
            "source": "en", "target": "de", "format": "html",
        }  # fmt: skip
        result = httpx.post(f"{server.url}/translate", json=body, timeout=60).json()
        shown = result["translatedText"]
        assert shown.startswith("<p class='a'><b>two</b> one</p><script>red = 1 < 2;</script>")
        assert sorted(shown.rpartition(">")[2].split()) == ["&amp;", "8", "cat"]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"q": "one", "source": "fr", "target": "de"}, "/source: this language"),
            ({"q": "one", "source": "en", "target": "xx"}, "/target: this language"),
            ({"q": "one", "source": "de", "target": "en"}, "no model has those languages"),
            ({"q": "one", "source": "en"}, "/target: Field required"),
            (
                {"q": "one", "source": "en", "target": "de", "alternatives": 9},
                "beam_size or alternatives",
            ),
            ({"q": "one", "source": "en", "target": "de", "format": "pdf"}, "/format"),
            ({"q": [], "source": "en", "target": "de"}, "/q"),
            ({"q": "cat " * 300, "source": "en", "target": "de"}, "too long"),
        ],
        ids=str,
    )
    def test_errors(self, server, body, message):
        response = httpx.post(f"{server.url}/translate", json=body, timeout=60)
        assert response.status_code == 400
        assert list(response.json()) == ["error"]
        assert message in response.json()["error"]

    def test_settings(self, server):
        result = httpx.get(f"{server.url}/frontend/settings", timeout=60).json()
        assert (result["keyRequired"], result["language"]["target"]["code"]) == (False, "de")
