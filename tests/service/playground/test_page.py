"""The playground as a page: hostile texts, errors, keys, links, phones, contrast."""

import json
import re

import pytest
from playwright.sync_api import expect

from support.browser import Visit
from support.playground import TASKS, shell
from support.server import serving

HOSTILE_AND_SHORT = "<img src=x>"
"""For the small translator, which accepts only short sentences."""
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script></textarea> it\'s'


@pytest.mark.parametrize("task", TASKS)
def test_markup_is_text(visit, task):
    """Fails if a text, or the output of a model, is interpreted as markup."""
    field = "prompt" if task == "generate" else "text"
    text = HOSTILE_AND_SHORT if task == "translate" else HOSTILE
    visit.open(task, **{field: text})
    assert visit.part("error").is_hidden()
    assert visit.page.evaluate("window.hit") is None
    assert visit.panel.locator("img, .answer script").count() == 0
    assert text in "".join(visit.panel.locator(".answer .text span").all_text_contents())


def test_errors_are_shown_with_the_request_id(visit):
    visit.expected.append("status of 422")
    visit.open("classify", text="a lovely film")
    with visit.page.expect_response("**/v1/classify") as response:
        visit.run("word " * 500)
    problem = response.value.json()
    shown = visit.part("error").text_content()
    assert problem["detail"] in shown
    assert problem["request_id"] in shown
    assert visit.panel.locator(".verdict").is_visible()  # the previous answer remains
    visit.run("a lovely film")
    assert visit.part("error").is_hidden()


@pytest.mark.parametrize(
    ("task", "extra", "code"),
    [
        ("classify", "explain", "explanation_too_long"),
        ("translate", "alignment", "alignment_too_long"),
    ],
)
def test_a_text_too_long_for_details_is_still_answered(visit, task, extra, code):
    """No text of the small models lies between the two limits, so this error is simulated in the
    form of the server. Fails if a text without an explanation has no answer either."""

    def refuse(route):
        if extra not in route.request.post_data_json:
            return route.continue_()
        problem = {"detail": "/text: text is too long for details", "code": code}
        return route.fulfill(status=422, json=problem)

    visit.expected.append("status of 422")
    visit.page.route(f"**/v1/{task}", refuse)
    visit.open(task, **TASKS[task])
    assert visit.panel.locator(".verdict, .sides").is_visible()
    assert not [shade for shade in visit.shades() if shade["side"]]
    assert "text is too long for details" in visit.part("status").text_content()
    assert extra not in visit.part("curl").text_content()
    assert visit.part("error").is_hidden()


def test_a_link_reproduces_the_answer(visit):
    visit.open("tag")
    visit.run("🙂 Bob met Alan in Oslo & #1 .")
    first = visit.panel.locator(".answer").text_content()
    visit.page.reload()
    visit.wait()
    assert visit.panel.locator(".answer").text_content() == first
    assert "Oslo" in first
    assert not [url for url in visit.requests if "Oslo" in url.partition("#")[0]]


def test_the_api_key_is_requested_and_not_shown(browser, tag_bundle):
    """The page itself is requested with a key, the calls of its scripts without. Fails also if the
    form of a task without a model is enabled."""
    with serving("--models", str(tag_bundle), TEXTRNN_API_KEYS="s3cret") as server:
        visit = Visit(browser, server.url)
        visit.expected.append("status of 401")

        def with_key(route):
            route.continue_(headers={**route.request.headers, "x-api-key": "s3cret"})

        visit.page.route(re.compile(r"/(playground/.*)?(#.*)?$"), with_key)
        visit.page.goto(f"{server.url}/#tab=tag")
        for key in ("wrong", "s3cret"):
            visit.page.get_by_label("This server requires an API key").fill(key)
            visit.page.keyboard.press("Enter")
            if key == "wrong":
                visit.page.locator("#locked").wait_for()
        visit.panel = visit.page.locator("#panel-tag")
        visit.panel.locator("select option").first.wait_for(state="attached")
        visit.run("Bob lives in Rome")
        assert visit.panel.locator("mark").count() == 2
        command = visit.part("curl").text_content()
        assert "s3cret" not in visit.page.content()
        answer = json.loads(shell(command, TEXTRNN_KEY="s3cret"))
        assert len(answer["results"][0]["entities"]) == 2
        visit.page.get_by_role("tab", name="Classify").click()
        expect(visit.page.locator("#panel-classify [data-part=missing]")).to_be_visible()
        expect(visit.page.locator("#panel-classify .go")).to_be_disabled()
        visit.close()


@pytest.mark.parametrize("task", TASKS)
def test_fits_the_width_of_a_phone(browser, server, task):
    viewport = {"width": 360, "height": 640}
    visit = Visit(browser, server.url, viewport=viewport, has_touch=True, is_mobile=True)
    visit.open(task, **TASKS[task])
    assert visit.options().count()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    visit.options().last.tap()
    assert visit.panel.locator(".readout").text_content()
    visit.close()


CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const layers = element => {
    const all = [];
    for (let at = element; at; at = at.parentElement) all.unshift(at);
    return all;
  };
  const draw = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); };
  const pixel = () => [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  const light = pixel => {
    const [r, g, b] = pixel.map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const poor = [];
  let seen = 0;
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.matches(":disabled")) continue;
    for (const layer of layers(element)) draw(getComputedStyle(layer).backgroundColor);
    const behind = light(pixel());
    canvas.globalAlpha = layers(element)
      .reduce((alpha, layer) => alpha * Number(getComputedStyle(layer).opacity), 1);
    draw(getComputedStyle(element).color);
    canvas.globalAlpha = 1;
    const front = light(pixel());
    const ratio = (Math.max(front, behind) + 0.05) / (Math.min(front, behind) + 0.05);
    seen += 1;
    if (ratio < 4.5) poor.push([element.outerHTML.slice(0, 120), ratio]);
  }
  return { seen, poor };
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_sufficient(browser, server, scheme):
    """Fails if a text has too little contrast with its background, even at the strongest shade."""
    visit = Visit(browser, server.url, color_scheme=scheme, reduced_motion="reduce")
    for task, fields in TASKS.items():
        visit.open(task, **fields)
        visit.page.evaluate(
            """() => {
              for (const part of document.querySelectorAll(".shaded")) {
                part.style.setProperty("--strength", 1);
              }
            }"""
        )
        result = visit.page.evaluate(CONTRAST)
        assert result["poor"] == []
        assert result["seen"] > 20
    visit.close()


def test_the_theme_is_remembered(visit):
    visit.open("classify")
    paper = "getComputedStyle(document.body).backgroundColor"
    before = visit.page.evaluate(paper)
    button = visit.page.locator("#theme")
    while button.text_content().strip() != "dark":
        button.click()
    dark = visit.page.evaluate(paper)
    assert dark != before
    visit.open("tag")
    assert visit.page.evaluate(paper) == dark
