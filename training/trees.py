"""Penn Treebank text: labelled trees to phrases, and tokens to raw text."""

import re

_PARTS = re.compile(r"\(\s*(\S+)\s*|([^()\s]+)|\)|(\S)")
_ESCAPES = {
    "-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}",
    "-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "-lcb-": "{", "-rcb-": "}",
}  # fmt: skip
_JOIN_LEFT = re.compile(r" (?=(?:n't|'s|'re|'ve|'ll|'d|'m|[.,;:!?%)\]}])(?:\s|$))", re.IGNORECASE)
_JOIN_RIGHT = re.compile(r"(?<=[(\[{$#]) (?=\S)")
_DOTS = re.compile(r" (?=\.\.\.)")


def phrases(tree: str) -> list[tuple[str, str]]:
    """(label, text) of each phrase of a bracketed tree, the whole sentence first.

    >>> phrases("(3 (2 a) (4 gem))")
    [('3', 'a gem'), ('2', 'a'), ('4', 'gem')]

    Raises ValueError if the brackets do not match.
    """
    words: list[str] = []
    spans: list[tuple[str, int, int]] = []
    open_phrases: list[tuple[int, str, int]] = []
    for part in _PARTS.finditer(tree):
        label, word, stray = part.groups()
        if label is not None:
            open_phrases.append((len(spans), label, len(words)))
            spans.append((label, len(words), len(words)))
        elif word is not None:
            words.append(word)
        elif stray is None and open_phrases:
            index, label, start = open_phrases.pop()
            spans[index] = (label, start, len(words))
        else:
            raise ValueError(f"found {part.group()!r} at character {part.start() + 1}")
    if open_phrases or not spans:
        raise ValueError("a bracket is not closed" if open_phrases else "there is no tree")
    return [(label, " ".join(words[start:end])) for label, start, end in spans]


def detokenize(text: str) -> str:
    r"""Join treebank tokens into text as people write it.

    >>> detokenize("It 's `` good '' -LRB- I ca n't lie -RRB- .")
    'It\'s "good" (I can\'t lie).'
    """
    text = text.replace("\\/", "/").replace("\\*", "*")
    text = " ".join(_ESCAPES.get(token, token) for token in text.split())
    text = re.sub(r"`` ?", '"', text)
    text = re.sub(r" ?''", '"', text)
    text = _JOIN_RIGHT.sub("", text)
    text = _DOTS.sub("", text)
    return _JOIN_LEFT.sub("", text)
