"""Made opinions, for sentiment: judgements and plain statements, ratings, and emoji."""

import random
from collections.abc import Iterator

from training.templates.templates import load_templates

POSITIVE, NEUTRAL, NEGATIVE = "positive", "neutral", "negative"

_EMOJI = {
    POSITIVE: [
        *"😀😃😄😁😊😍🥰😘🤩😎🥳👍👏🙌💪🔥🎉💯✨😋🤗😇💛💚💙💜🧡🏆🌟😻👌🥂😂🤣💕💖🌈",
        "❤️", "☺️", ":)", ":-)", ":D", "<3", ";)", "=)", "^_^",
    ],
    NEGATIVE: [
        *"😞😔😢😭😡😠🤬🤮🤢👎💔😤😩😫🙄😒😖😣😱💩😾😕🙁😨😰😥🤦",
        "☹️", ":(", ":-(", ":'(", ":/", "-_-", ">:(",
    ],
    NEUTRAL: [*"😐😑🤔📅📍📞🏠🚗📦📷🕐🚆📚🔑🪑🧾📄", "✏️", "🗺️"],
}  # fmt: skip
_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_MARKS = {
    5: {NEGATIVE: (1, 2), NEUTRAL: (3, 3), POSITIVE: (4, 5)},
    10: {NEGATIVE: (0, 4), NEUTRAL: (5, 6), POSITIVE: (7, 10)},
}
"""By the best mark: the lowest and the highest mark of each label."""
_PRAISE = {
    POSITIVE: (
        "will buy again",
        "highly recommended",
        "loved it",
        "thank you",
        "perfect",
        "so good",
    ),
    NEUTRAL: ("it's ok", "average", "nothing special", "fine"),
    NEGATIVE: ("avoid", "not again", "would not buy again", "disappointed", "rubbish", "so bad"),
}


def made_opinions(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` texts, each with its label: a function of the arguments."""
    chance = random.Random(seed)
    for _ in range(count):
        label = chance.choice((POSITIVE, NEUTRAL, NEGATIVE))
        make = chance.choices((_sentence, _rating, _emoji), (12, 1, 1))[0]
        yield make(label, chance), label


def _sentence(label: str, chance: random.Random) -> str:
    text = load_templates("opinions").of(label).write(chance)
    loud = label != NEUTRAL
    if text[-1] not in "?." and "#" not in text:
        text += chance.choices(("", ".", "!", "!!"), (8, 8, 3 * loud, loud))[0]
    if loud and chance.random() < 0.08:
        text += f" {chance.choice(_EMOJI[label])}"
    return text


def _rating(label: str, chance: random.Random) -> str:
    """A mark in digits, words or stars, some with a remark."""
    most = chance.choice((5, 5, 10))
    least, highest = _MARKS[most][label]
    mark = chance.randint(least, highest)
    half = ".5" if label != NEUTRAL and mark < highest and chance.random() < 0.2 else ""
    digits = f"{mark}{half}"
    forms = [f"{digits}/{most}", f"{digits} out of {most}", f"{digits} of {most}"]
    if not half:
        forms.append(f"{_NUMBERS[mark]} out of {_NUMBERS[most]}")
    if most == 5 and not half:
        unit = "star" if mark == 1 else "stars"
        forms += [f"{mark} {unit}", f"{_NUMBERS[mark]} {unit}", f"{_NUMBERS[mark]} {unit}".title()]
        forms += ["★" * mark + "☆" * (5 - mark), "⭐" * mark]
    text = chance.choice(forms)
    if chance.random() < 0.15:
        text = f"{chance.choice(('Rating', 'My rating', 'Score', 'rating'))}: {text}"
    if chance.random() < 0.3:
        text = f"{text}{chance.choice((', ', ' ', '. ', ' - '))}{chance.choice(_PRAISE[label])}"
    return text


def _emoji(label: str, chance: random.Random) -> str:
    emoji = chance.choice(_EMOJI[label])
    if chance.random() < 0.3:
        return f"{emoji}{' ' * emoji.isascii()}{chance.choice(_EMOJI[label])}"
    return emoji * (1 if emoji.isascii() else chance.choices((1, 2, 3), (6, 2, 2))[0])
