"""A made-up language with the words in reverse order, and the recipe of a small translator."""

import random

TRANSLATE_RECIPE = """
name = "tiny-translate"
task = "translate"
description = "Made-up sentences, read from behind."
languages = ["en", "de"]
probes = ["one two 17 red", "blue"]
[data]
licences = {"made-up sentences" = "CC0-1.0"}
train = [{path = "there.txt", parallel = "back.txt"}]
dev = {made-up = [{path = "pairs.tsv"}]}
[tokenizer]
kind = "copying"
size = 60
[model]
source_language = "en"
target_language = "de"
beam_size = 3
limit = 200
embedding = {size = 24}
encoder = {hidden = 32}
decoder = {hidden = 32}
[train]
epochs = 12
rows = 32
lengths = [16]
optimizer = {rate = 1e-2}
[limits]
length = 16
rows = 8
tokens = 256
width = 4
"""
WORDS = ["one", "two", "red", "blue", "cat", "dog", "see", "run"]


def reversals(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of a sentence and its words reversed. Any number in it has to be copied."""
    draw = random.Random(seed)
    pairs = []
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(1, 5))
        if draw.random() < 0.4:
            words[draw.randrange(len(words))] = str(draw.randrange(10, 10_000))
        pairs.append((" ".join(words), " ".join(reversed(words))))
    return pairs
