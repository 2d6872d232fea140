"""Draw docs/answer.svg for the quickstart: a request, and the answer of a shipped model.

python docs/picture.py
"""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.json import JSON

import textrnn

TEXT = "Thank you for all of this, I love it!"


def main() -> None:
    (answer,) = textrnn.load("emotion-en").predict(TEXT, top_k=2)
    for entry in [answer, *answer["scores"]]:
        entry["score"] = round(entry["score"], 4)
    console = Console(record=True, width=76, file=io.StringIO(), highlight=False)
    console.print("[bold]$[/] curl -s http://127.0.0.1:8000/v1/classify \\")
    console.print("    -H 'content-type: application/json' \\")
    console.print('    -d \'{"model": "emotion-en", "top_k": 2,')
    console.print(f'         "text": "{TEXT}"}}\'')
    console.print(JSON.from_data({"model": "emotion-en", "results": [answer]}))
    drawing = console.export_svg(title="textrnn")
    drawing = re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)  # a remote font
    (Path(__file__).parent / "answer.svg").write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main()
