"""Draw docs/answer.svg, which README shows: a request, and what the shipped model answers.

python docs/picture.py
"""

import io
import json
import re
from pathlib import Path

from rich.console import Console
from rich.json import JSON

import textrnn

TEXT = "I can't believe you did all this for me. Thank you, I love it!"


def main() -> None:
    (answer,) = textrnn.load("emotion-en").predict(TEXT, top_k=4)
    for entry in [answer, *answer["scores"]]:
        entry["score"] = round(entry["score"], 4)
    console = Console(record=True, width=92, file=io.StringIO())
    console.print("[bold]$[/] curl -s http://127.0.0.1:8000/v1/classify \\", highlight=False)
    console.print("    -H 'content-type: application/json' \\", highlight=False)
    request = json.dumps({"model": "emotion-en", "text": TEXT, "top_k": 4}).replace("'", "'\\''")
    console.print(f"    -d '{request}'", highlight=False, markup=False, soft_wrap=True)
    console.print(JSON.from_data({"model": "emotion-en", "results": [answer]}))
    drawing = console.export_svg(title="textrnn")
    drawing = re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)  # loads from elsewhere
    (Path(__file__).parent / "answer.svg").write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main()
