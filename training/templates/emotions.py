"""Made comments that express one of the emotions of GoEmotions, or none."""

import random
from collections.abc import Iterator

from training.templates.templates import load_templates

_EMOJI = {
    "admiration": "👏👍💯🙌", "amusement": "😂🤣😆😹", "anger": "😡🤬😠", "annoyance": "🙄😒",
    "caring": "🤗🫂", "confusion": "😕❓", "curiosity": "🤔🧐", "disgust": "🤢🤮",
    "embarrassment": "😳🫣", "excitement": "🥳🎉🤩", "fear": "😱😨", "gratitude": "🙏",
    "joy": "😀😃😄😁😊🙂",
    "love": "😍🥰😘💕💖💛", "nervousness": "😰😬", "optimism": "🤞", "sadness": "😢😭😞💔🙁",
    "surprise": "😮😲🤯", "disappointment": "😔👎", "relief": "😌",
}  # fmt: skip
_NEUTRAL = ("statements", "notices")
"""Topics of opinions that express no emotion either."""


def made_emotions(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` texts, each with its emotion or "neutral": a function of the arguments."""
    chance = random.Random(seed)
    file = load_templates("emotions")
    templates = {label: file.of(label) for label in file.texts}
    statements = load_templates("opinions").of("neutral", _NEUTRAL)
    # Were all labels as frequent, few comments would be neutral.
    labels = [*templates, *["neutral"] * 6]
    for _ in range(count):
        label = chance.choice(labels)
        plain = label == "neutral" and chance.random() < 0.7
        text = (statements if plain else templates[label]).write(chance)
        if label in _EMOJI and chance.random() < 0.12:
            emoji = chance.choice(_EMOJI[label])
            alone = chance.random() < 0.6
            text = emoji * chance.choice((1, 1, 2, 3)) if alone else f"{text} {emoji}"
        elif text[-1] not in "?.":
            text += chance.choices(("", ".", "!"), (5, 4, 2 * (label != "neutral")))[0]
        yield text, label
