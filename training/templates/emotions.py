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
    emotions = load_templates("emotions")
    opinions = load_templates("opinions")
    neutral = {name: opinions.texts["neutral"][name] for name in _NEUTRAL}
    statements = opinions._replace(texts={"neutral": neutral})
    # Fewer than a tenth of comments are neutral if all labels are as frequent.
    labels = [*emotions.texts, *["neutral"] * 6]
    for _ in range(count):
        label = chance.choice(labels)
        templates = statements if label == "neutral" and chance.random() < 0.7 else emotions
        text = templates.write(label, chance)
        if label in _EMOJI and chance.random() < 0.12:
            emoji = chance.choice(_EMOJI[label])
            alone = chance.random() < 0.6
            text = emoji * chance.choice((1, 1, 2, 3)) if alone else f"{text} {emoji}"
        elif text[-1] not in "?.":
            text += chance.choices(("", ".", "!"), (5, 4, 2 * (label != "neutral")))[0]
        yield text, label
