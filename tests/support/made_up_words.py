"""An artificial language of eight equally likely words, and the recipe of a small model of it."""

import math
import random

WORDS = ["cat", "dog", "hen", "owl", "fox", "ape", "bee", "ant"]
NATS = math.log(8) / 4
"""Entropy of a character in nats: each word is three letters and a space."""

GENERATE_RECIPE = """
name = "tiny-generate"
task = "generate"
description = "Made-up words."
languages = ["en"]
probes = ["cat dog "]
[data]
licences = {"made-up words" = "CC0-1.0"}
train = [{path = "words.txt"}]
[tokenizer]
kind = "chars"
[model]
limit = 20000
prompt = 300
embedding = {size = 12, word_dropout = 0.01}
encoder = {layers = 2, hidden = 32}
[train]
epochs = 5
rows = 8
tokens = 256
lengths = [32]
optimizer = {rate = 1e-2}
[limits]
length = 8
rows = 8
tokens = 64
"""


def babble(count: int, seed: int = 0) -> str:
    draw = random.Random(seed)
    return "".join(draw.choice(WORDS) + " " for _ in range(count))
