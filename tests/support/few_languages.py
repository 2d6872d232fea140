"""Texts of a few words in a few languages, and of none, which a small model tells apart."""

import random

LANGUAGES = {
    "de": "ich und der Hund nicht Bahnhof schön zwei Wasser über gehen heute",
    "en": "the and one two red blue cat dog see run owl fox this with what",
    "fr": "je voudrais une maison avec les enfants où sommes très chaud eau",
    "zh-Hans": "今天 我们 很高兴 见到 你 他 喜欢 书 水 火车站",
    "und": "17 0176 3.14 !! ... :-) 100% + = \U0001f600 \u2764\ufe0f ###",
}
"""The words of each label."""
LANGUAGE_RECIPE = """
name = "language-id"
task = "classify"
description = "Which of a few languages a text is in, if any."
languages = ["de", "en", "fr", "zh-Hans"]
probes = ["the red fox", "17"]
[data]
licences = {"made-up phrases" = "CC0-1.0"}
train = [{path = "phrases.csv"}]
[tokenizer]
kind = "chars"
size = 200
[model]
embedding = {size = 8}
encoder = {hidden = 16}
[train]
epochs = 8
rows = 16
lengths = [16, 48]
optimizer = {rate = 3e-2}
[limits]
length = 128
rows = 8
tokens = 256
"""


def phrase(label: str, words: int, draw: random.Random) -> str:
    """A text in a language."""
    between = "" if label.startswith("zh") else " "
    return between.join(draw.choices(LANGUAGES[label].split(), k=words))


def phrases(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of text and label, of one to five words each."""
    draw = random.Random(seed)
    labels = draw.choices(list(LANGUAGES), k=count)
    return [(phrase(label, draw.randint(1, 5), draw), label) for label in labels]
