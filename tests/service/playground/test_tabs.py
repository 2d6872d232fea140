"""The playground in a headless Chromium, with a real server that has a model of each task.

Every test also fails if the page sends a request to another server, or if the browser reports a
violation of the content security policy or an error.
"""

import json
import math
import random

import pytest
from playwright.sync_api import expect

from support.playground import TASKS, shell

NASTY = 'it\'s "Rome" $(touch x) `id` \\n \\ %s !! a\n🙂 e\u0301 שלום \u202eabc\u200b Ada'


def ask(server, task, **body):
    with server.client() as client:
        response = client.post(f"/v1/{task}", json=body)
        assert response.status_code == 200, response.text
        return response.json()


def test_words_are_shaded_by_their_contributions(visit, server):
    visit.open("classify", **TASKS["classify"])
    (result,) = ask(server, "classify", **TASKS["classify"], explain=True)["results"]
    assert visit.panel.locator(".verdict strong").text_content() == result["label"]
    tokens = result["explanation"]["tokens"]
    most = max(abs(token["share"]) for token in tokens)
    assert most > 0.1
    for shade, token in zip(visit.shades(), tokens, strict=True):
        assert shade["text"] == token["text"]
        assert shade["side"] == ("against" if token["share"] < 0 else "for")
        assert shade["strength"] == pytest.approx(abs(token["share"]) / most, abs=0.01)
    assert {shade["side"] for shade in visit.shades()} == {"for", "against"}
    assert visit.panel.locator(".answer .text").text_content() == TASKS["classify"]["text"]
    visit.panel.get_by_text("Contributions as a table").click()
    expect(visit.panel.locator("tbody tr")).to_have_count(len(tokens))
    expect(visit.panel.locator(".bars li")).to_have_count(2)


def test_entities_are_marked_at_their_offsets(visit):
    """Fails if offsets are read as UTF-16 units, of which an emoji has two."""
    text = "🙂👩‍👧 Ada Lovelace lives in Rome"
    visit.open("tag", text=text)
    marks = visit.panel.locator("mark").evaluate_all(
        """marks => marks.map(mark => [
          [...mark.querySelectorAll("span")].map(span => span.textContent).join(""),
          mark.querySelector("small").textContent,
        ])"""
    )
    assert marks == [["Ada Lovelace", "PER"], ["Rome", "LOC"]]
    spans = visit.panel.locator(".answer .text span").all_text_contents()
    assert "".join(spans) == text
    visit.options().filter(has_text="Lovelace").hover()
    expect(visit.panel.locator(".readout")).to_contain_text("in “Ada Lovelace”, PER")
    expect(visit.panel.locator(".readout")).to_contain_text("Lovelace: PER")


def test_aligned_words_are_highlighted(visit, server):
    """Fails if rows and columns of the alignment are swapped, or the wrong side is highlighted."""
    visit.open("translate", text="one two see red")
    body = {"text": "one two see red", "alignment": True}
    (result,) = ask(server, "translate", **body)["results"]
    source, target = visit.panel.locator(".answer .text").all()
    assert source.text_content() == "one two see red"
    assert target.text_content() == result["text"] == "red see two one"
    rows = result["alignment"]
    for near, far, word, weights in (
        (target, 1, "red", rows[at(result["tokens"], "red")]),
        (source, 2, "two", column(rows, at(result["source_tokens"], "two"))),
    ):
        near.get_by_text(word, exact=True).hover()
        lit = visit.shades(f".sides > :nth-child({far}) [role=option]")
        tokens = result["source_tokens" if far == 1 else "tokens"]
        strengths = {shade["text"]: shade["strength"] for shade in lit if shade["side"]}
        expected = {
            spoken: weight
            for spoken, weight in zip(map(spoken_of, tokens), weights, strict=True)
            if weight >= 0.05
        }
        assert strengths == pytest.approx(expected, abs=0.002)
        assert max(strengths, key=strengths.__getitem__) == word
        assert visit.panel.locator(".sides .shaded").count() == len(strengths)
        assert f"{word}: {word} " in visit.panel.locator(".readout").text_content()
    visit.page.locator("h1").hover()
    assert not [shade for shade in visit.shades(".answer .text span") if shade["side"]]
    assert visit.panel.locator(".alternatives li").count() == 2
    visit.run("one 17 red")  # the token before 17 is only a space
    visit.panel.locator(".answer .text").last.get_by_text("17", exact=True).hover()
    assert visit.panel.locator(".readout").text_content().startswith("17: 17 ")


def spoken_of(token):
    return token.replace("▁", " ").strip()


def at(tokens, word):
    return [spoken_of(token) for token in tokens].index(word)


def column(rows, number):
    return [row[number] for row in rows]


def test_swapping_languages_requires_an_opposite_model(visit):
    """Fails if the button is enabled although no model translates in the opposite direction."""
    visit.open("translate")
    assert visit.panel.locator("[name=swap]").is_disabled()
    assert "English → German" in visit.panel.locator("select").text_content()


def test_generated_characters_are_shaded(visit, server):
    visit.open("generate", **TASKS["generate"])
    body = {"prompt": "cat dog ", "max_characters": 40, "seed": 3, "temperature": 0.8}
    text = ask(server, "generate", **body)["text"]
    assert len(text) == 40
    shades = visit.shades()
    assert "".join(shade["text"] for shade in shades) == "cat dog " + text
    assert all(shade["side"] == "surprise" for shade in shades[1:])
    assert len({shade["strength"] for shade in shades}) > 5
    assert "40 characters generated" in visit.panel.locator(".summary").text_content()
    assert "bits per character" in visit.panel.locator(".summary").text_content()


def events(server, **body):
    with server.client() as client:
        lines = client.post("/v1/generate", json={**body, "stream": True}).text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line]


def test_any_cell_can_be_shown(visit, server):
    """Fails if a cell outside the first request is not fetched, or the wrong one is shown."""
    visit.open("generate", **TASKS["generate"])
    text = visit.panel.locator(".script").text_content()
    for cell, requests in ((3, 1), (4, 1), (21, 2)):  # eight cells come with each
        visit.panel.locator("[name=cell]").fill(str(cell))
        visit.panel.locator("[name=cell]").press("Tab")
        visit.wait()
        body = {"prompt": text, "max_characters": 1, "echo": True, "cells": [cell]}
        (values,) = events(server, **body)[0]["prompt"]["activations"]
        for shade, value in zip(visit.shades(), values, strict=True):
            assert shade["side"] == ("against" if value < 0 else "for")
            assert shade["strength"] == pytest.approx(abs(value), abs=0.01)
        assert len([url for url in visit.requests if url.endswith("/v1/generate")]) == requests
    visit.panel.get_by_label("Next cell").click()
    expect(visit.panel.locator("[name=cell]")).to_have_value("22")
    visit.part("continue").click()
    visit.wait()
    longer = visit.panel.locator(".script").text_content()
    assert longer.startswith(text)
    assert len(longer) == len(text) + 40
    assert all(shade["side"] in ("for", "against") for shade in visit.shades())
    assert len([url for url in visit.requests if url.endswith("/v1/generate")]) == 3


def test_generation_can_be_stopped(visit):
    """The button is pressed as soon as the first characters arrive. Fails if the stream continues,
    or the text so far is lost."""
    visit.open("generate")
    visit.page.evaluate(
        """() => {
          const panel = document.querySelector("#panel-generate");
          const stop = panel.querySelector("[data-part=stop]");
          new MutationObserver(() => stop.click())
            .observe(panel.querySelector("[data-part=answer]"), { childList: true });
        }"""
    )
    visit.panel.locator("[name=max_characters]").fill("8192")
    visit.run("cat ")
    assert visit.part("status").text_content() == "stopped"
    assert 4 < visit.options().count() < 8192


def test_keyboard_navigation(visit):
    """Fails if a tab, a form or a word of the answer cannot be reached by keyboard."""
    visit.open("classify")
    page = visit.page
    page.get_by_role("tab", name="Classify").focus()
    for key, task in [("ArrowRight", "Tag"), ("End", "Generate"), ("ArrowRight", "Classify"),
                      ("ArrowLeft", "Generate"), ("Home", "Classify")]:  # fmt: skip
        page.keyboard.press(key)
        expect(page.get_by_role("tab", name=task)).to_have_attribute("aria-selected", "true")
        assert page.get_by_role("tabpanel").count() == 1
        assert page.get_by_role("tabpanel", name=task).is_visible()
    page.keyboard.press("Tab")
    page.keyboard.type("a lovely film")
    page.keyboard.press("Control+Enter")
    visit.wait()
    while page.evaluate("document.activeElement.role") != "option":
        page.keyboard.press("Tab")
    assert page.get_by_role("option", name="a ", exact=False).count()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("lovely +")
    assert visit.panel.locator(".readout").text_content().startswith("lovely +")


@pytest.mark.parametrize("text", ["Bob met Alan in Oslo .", NASTY])
def test_the_curl_command_gets_the_same_answer(visit, text):
    """Fails if a shell interprets any part of a text, or if the text is changed."""
    visit.open("tag")
    with visit.page.expect_response("**/v1/tag") as response:
        visit.run(text)
    shown = visit.part("curl").text_content()
    assert not [sign for sign in shown if sign in "\u202e\u200b"]
    answer = json.loads(shell(shown))
    expected = response.value.json()
    assert same(answer, expected)
    assert [token["text"] for token in answer["results"][0]["tokens"]]


def test_the_curl_command_streams(visit):
    visit.open("generate", **TASKS["generate"])
    lines = [line for line in shell(visit.part("curl").text_content()).splitlines() if line]
    stream_chunks = [json.loads(line.removeprefix("data: "))["text"] for line in lines]
    assert "cat dog " + "".join(stream_chunks) == visit.panel.locator(".script").text_content()


def same(actual, expected):
    if isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(
            same(actual[k], expected[k]) for k in actual
        )
    if isinstance(expected, list):
        pairs = zip(actual, expected, strict=True)
        return all(same(one, other) for one, other in pairs)
    if isinstance(expected, float):
        return math.isclose(actual, expected, abs_tol=1e-3)
    return actual == expected


def test_quoting(visit):
    """Random texts of special characters, passed through a shell and back."""
    draw = random.Random(0)
    signs = "'\"\\$`!%#&|;<>(){}[]*?~\n\t\r\x01\x7f\u0085\u2028\u202e\ufeff🙂é\u0301 ab,:"
    texts = ["".join(draw.choices(signs, k=draw.randint(0, 30))) for _ in range(200)]
    visit.open("classify")
    words = visit.page.evaluate(
        """async texts => {
          const { json, visible, quoted } = await import("/playground/curl.js");
          return texts.map(text => quoted(visible(json({ text, cells: [1, { a: [] }] }))));
        }""",
        texts,
    )
    printed = shell("printf '%s\\0' " + " ".join(words)).split("\0")
    assert [json.loads(one) for one in printed[:-1]] == [
        {"text": text, "cells": [1, {"a": []}]} for text in texts
    ]
