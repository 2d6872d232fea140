"""Take the screenshots of the playground for README and the guides, in a headless Chromium.

python docs/screenshots.py
"""

import contextlib
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
MODELS = ["sentiment-en", "ner-en", "translate-en-de", "shakespeare"]
PICTURES = {
    "classify": (
        "light",
        {"text": "It starts as a clever thriller, but the last hour is dull and far too long."},
        "dull",
    ),
    "tag": (
        "dark",
        {"text": "Tim Cook of Apple met Angela Merkel in Berlin."},
        "Apple",
    ),
    "translate": (
        "light",
        {"text": "I have never seen him before.\nWhere did you meet Ada Lovelace?"},
        "kennengelernt",
    ),
    "generate": (
        "dark",
        {"prompt": "ROMEO:\n", "seed": "4", "shade": "cell", "cell": "27"},
        "w",
    ),
}
"""For each tab: colour scheme, fields of the form, and the word under the pointer."""


def main() -> None:
    with serving() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for task, (scheme, fields, word) in PICTURES.items():
            page = browser.new_page(
                viewport={"width": 860, "height": 600},
                device_scale_factor=1.5,
                color_scheme=scheme,
            )
            page.goto(f"{url}/#{urlencode({'tab': task, **fields})}")
            picture = HERE / f"playground-{task}.png"
            image = Image.open(io.BytesIO(screenshot(page, task, word))).convert("RGB")
            image.quantize(256).save(picture, optimize=True)
            print(picture, picture.stat().st_size)
        browser.close()


def screenshot(page: Page, task: str, word: str) -> bytes:
    panel = page.locator(f"#panel-{task}")
    options = panel.locator(".answer [role=option]")
    options.first.wait_for(timeout=120_000)
    done = "() => !document.querySelector('.busy')"
    page.wait_for_function(done, timeout=120_000)
    panel.locator(".go").click()  # again, as the first response of a server is the slowest
    page.wait_for_function(done)
    options.get_by_text(word, exact=True).first.hover()
    return page.screenshot(full_page=True, animations="disabled")


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run a server with the models and yield its URL."""
    arguments = [part for name in MODELS for part in ("--models", name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "textrnn", "serve", "--port", "8000", *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        log = iter(process.stderr)
        listening = next(line for line in log if "listening on" in line)
        next(line for line in log if line.startswith("ready ("))
        yield re.findall(r"http://\S+", listening)[0]
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
