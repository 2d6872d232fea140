"""The playground in a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LIMIT = 60_000
"""Timeout of the page, in milliseconds."""


@contextmanager
def chromium() -> Iterator:
    """A headless Chromium. Skips the test if none is installed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the path: install the package chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=LIMIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page of the playground, with its requests and the messages of the browser's console."""

    def __init__(self, browser, url: str, **context):
        self.url = url
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(LIMIT)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.expected = ["status of 503"]
        """Parts of messages that are allowed. The page retries while a program is compiled."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, task: str, **fields: str):
        """Open the panel of a task; given fields, fill them in and wait for the answer."""
        self.page.goto("about:blank")  # a new fragment alone would not load the page
        self.page.goto(f"{self.url}/#{urlencode({'tab': task, **fields})}")
        self.panel = self.page.locator(f"#panel-{task}")
        self.panel.locator("select option").first.wait_for(state="attached")
        if fields:
            self.wait()
        return self.panel

    def run(self, text: str):
        """Submit another text by the keyboard, and wait for the answer."""
        self.panel.locator("textarea").first.fill(text)
        self.panel.locator("textarea").first.press("Control+Enter")
        self.wait()

    def wait(self):
        """Wait for the answer or the error."""
        self.page.wait_for_function(
            """id => {
              const panel = document.getElementById(id);
              const part = name => panel.querySelector(`[data-part=${name}]`);
              return part("status") && !panel.classList.contains("busy") &&
                (part("status").textContent || !part("error").hidden);
            }""",
            arg=self.panel.get_attribute("id"),
        )

    def part(self, name: str):
        return self.panel.locator(f"[data-part={name}]")

    def options(self):
        """The parts of the answer that can be selected."""
        return self.panel.locator(".answer [role=option]")

    def shades(self, within: str = ".answer [role=option]") -> list[dict]:
        """Text, side and strength of each part; the last two are None unless it is shaded."""
        return self.panel.locator(within).evaluate_all(
            """all => all.map(part => {
              const on = part.classList.contains("shaded");
              return {
                text: part.textContent,
                side: on ? part.dataset.side : null,
                strength: on ? Number(part.style.getPropertyValue("--strength")) : null,
              };
            })"""
        )

    def close(self):
        """Close the page. Fails if it sent a request to another server or logged an error."""
        self.context.close()
        elsewhere = [
            url for url in self.requests if not url.startswith((self.url, "about:", "data:"))
        ]
        assert not elsewhere, elsewhere
        errors = [m for m in self.complaints if not any(map(m.__contains__, self.expected))]
        assert not errors, errors
