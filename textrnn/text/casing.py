"""Casing classes: the information about a word that lower-casing loses."""

CASINGS = ("none", "lower", "title", "upper", "initial", "mixed", "number", "digits", "symbol")
"""`none` is for padding, `digits` for words with letters and digits, `initial` for a single capital
letter."""


def casing(word: str) -> int:
    """The index in CASINGS of the class of a word.

    >>> [CASINGS[casing(word)] for word in ("Rome", "USA", "iPhone", "1990", "mp3", "--")]
    ['title', 'upper', 'mixed', 'number', 'digits', 'symbol']
    """
    return CASINGS.index(_name(word))


def _name(word: str) -> str:
    if word.isascii() and word.isalpha():  # a fast path for most words
        if word.islower():
            return "lower"
        if word.isupper():
            return "upper" if len(word) > 1 else "initial"
        return "title" if word.istitle() else "mixed"
    return _any_name(word)


def _any_name(word: str) -> str:
    if any(char.isdigit() for char in word):
        return "digits" if any(char.isalpha() for char in word) else "number"
    letters = [char for char in word if char.isalpha()]
    if not letters:
        return "symbol"
    if not any(char.isupper() for char in letters):
        return "lower"
    if all(char.isupper() for char in letters):
        return "upper" if len(letters) > 1 else "initial"
    return "title" if letters[0].isupper() and not any(map(str.isupper, letters[1:])) else "mixed"
