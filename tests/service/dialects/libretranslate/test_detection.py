"""Detection of languages, and of the source of a translation. The translator reverses the words of
English, and its output counts as German."""

import pytest

from support.http_calls import call

NONE = {"confidence": 0.0, "language": "en"}
"""LibreTranslate's own answer where it finds no language."""


def detect(context, q, **body):
    response = call(context, "POST", "/detect", json={"q": q, **body})
    assert response.status_code == 200, response.text
    return response.json()


def translate(context, status=200, **body):
    response = call(context, "POST", "/translate", json={"source": "auto", "target": "de", **body})
    assert response.status_code == status, response.text
    return response.json()


def test_the_most_likely_language_is_first(detect_context):
    english, french = detect(detect_context, ["the red fox", "je voudrais une maison"])
    assert english == detect(detect_context, "the red fox")
    assert (english[0]["language"], french[0]["language"]) == ("en", "fr")
    for languages in (english, french):
        confidences = [one["confidence"] for one in languages]
        assert confidences == sorted(confidences, reverse=True)
        assert 50 < confidences[0] <= 100
        assert confidences[-1] >= 1, "what is negligible is not listed"


@pytest.mark.parametrize(
    "q", ["17 0176", "\U0001f600 \u2764\ufe0f", "???", "", " \n", "\u200b\ufeff"]
)
def test_text_in_no_language(detect_context, q):
    """Fails if clients meet a code that they do not know, no language at all, or a confident
    guess."""
    first, *_ = detect(detect_context, q)
    assert first["confidence"] < 50
    assert first["language"] != "und"
    if not q.strip(" \n\u200b\ufeff"):
        assert detect(detect_context, q) == [NONE]
        assert detect(detect_context, [q, "the"], languages="fr")[0] == [{**NONE, "language": "fr"}]


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"q": "17", "languages": ["zh_CN", "FR"]}},
        {"json": {"q": "17", "languages": "zh_CN,FR"}},
        {"data": {"q": "17", "languages": "zh_CN, FR"}},
        {"data": {"q": "17", "languages": ["zt", "fr-CA"]}},
    ],
    ids=str,
)
def test_fewer_languages(detect_context, request_):
    """Fails if the confidences are not over these alone, or one form of a list is not read."""
    languages = call(detect_context, "POST", "/detect", **request_).json()
    assert {one["language"] for one in languages} == {"zh-Hans", "fr"}
    assert sum(one["confidence"] for one in languages) == pytest.approx(100, abs=0.1)


def test_an_unknown_language(detect_context):
    response = call(detect_context, "POST", "/detect", json={"q": "a", "languages": "tlh"})
    message = (
        "/languages/0: language-id does not know this language; it knows de, en, fr, und, zh-Hans"
    )
    assert (response.status_code, response.json()) == (400, {"error": message})


def test_spans(detect_context):
    """Fails if spans are not in the order of the text, or one of no language is listed."""
    text = "\U0001f600 the red fox ich und der Hund"
    for q in (text, [text]):
        found = detect(detect_context, q, spans=True)
        spans = found if q is text else found[0]
        assert [(s["language"], text[s["start"] : s["end"]]) for s in spans] == [
            ("en", "\U0001f600 the red fox"), ("de", "ich und der Hund"),
        ]  # fmt: skip
        assert all(50 < span["confidence"] <= 100 for span in spans)
    assert detect(detect_context, ["17 0176", " "], spans=True) == [[], []]


def test_the_source_is_detected(detect_context):
    result = translate(detect_context, q=["one two red", "ich und der Hund"])
    assert result["translatedText"] == ["red two one", "ich und der Hund"]
    english, german = result["detectedLanguage"]
    assert (english["language"], german["language"]) == ("en", "de")
    assert english["confidence"] > 50


def test_the_source_is_a_language_that_can_be_translated(detect_context):
    """For a text that is most likely French, but not surely. Fails if the source is a language
    without a translator, or its confidence is among all languages."""
    (first, *_) = detect(detect_context, "maison run")
    assert first["language"] == "fr"
    assert first["confidence"] < 70
    detected = translate(detect_context, q="maison run")["detectedLanguage"]
    candidates = detect(detect_context, "maison run", languages="en,de,und")
    assert detected == max(candidates, key=lambda one: one["confidence"])


FRENCH = "je voudrais une maison"


@pytest.mark.parametrize("q", [FRENCH, [FRENCH], [FRENCH, "avec les enfants"]])
def test_another_language_is_an_error_that_says_which(detect_context, q):
    """Fails if text that cannot be translated is translated as if it were in another language."""
    message = (
        "/q/0: this text is in French (fr), which cannot be translated to de; en can be; if it is "
        "in one of these, set source"
    )
    assert translate(detect_context, 400, q=q) == {"error": message}
    assert translate(detect_context, q="je voudrais", source="en")["translatedText"]


def test_a_text_in_another_language_fails_no_other(detect_context):
    """Fails if one of many texts, such as a name on a page, makes the others an error."""
    result = translate(detect_context, q=["one two", FRENCH])
    assert result["translatedText"] == ["two one", FRENCH]
    assert [one["language"] for one in result["detectedLanguage"]] == ["en", "fr"]
    assert result["detectedLanguage"][1] == detect(detect_context, FRENCH)[0]


def test_another_language_of_a_file(detect_context):
    response = call(
        detect_context, "POST", "/translate_file", data={"source": "auto", "target": "de"},
        files={"file": ("a.txt", "je voudrais une maison")},
    )  # fmt: skip
    assert response.status_code == 400
    assert response.json()["error"].startswith("/file: this text is in French (fr)")


def test_no_language_is_no_other_language(detect_context):
    """Fails if a number or an emoji is refused as text in a language that cannot be translated."""
    for q in ("17", "\U0001f600", " ", ""):
        result = translate(detect_context, q=q)
        assert result["detectedLanguage"]["confidence"] < 10
        assert result["detectedLanguage"]["language"] in ("en", "de")
        assert result["translatedText"] == q


def test_nothing_translates_to_the_target(detect_context):
    """There is no translator to English, so no source can be right."""
    error = translate(detect_context, 400, q="ich", target="en")["error"]
    assert "en to de: tiny-translate" in error
