"""Words of text without letter case, written as names are: with a capital letter."""

from collections.abc import Callable, Sequence


def recased(words: Sequence[str], sentences: Sequence[slice]) -> list[str]:
    """The words of a text, capitalised if the whole text is in small letters, and those of each
    sentence in capitals. A single word is left as it is.

    >>> recased(["SHE", "LEFT", "OSLO", ".", "Why", "?"], [slice(0, 4), slice(4, 6)])
    ['She', 'Left', 'Oslo', '.', 'Why', '?']
    """
    if _all(str.islower, words):
        return [word.capitalize() for word in words]
    result = list(words)
    for part in sentences:
        if _all(str.isupper, words[part]):
            result[part] = [word.capitalize() for word in words[part]]
    return result


def _all(case: Callable[[str], bool], words: Sequence[str]) -> bool:
    cased = [word for word in words if word.lower() != word.upper()]
    return len(cased) > 1 and all(map(case, cased))
