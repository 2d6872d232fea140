"""Penn Treebank text: labelled trees to phrases, and tokens to raw text."""

import re

from textrnn.text.trees import parse_tree

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

    Raises ValueError as `parse_tree` does.
    """
    return [(part.label, " ".join(part.words())) for part in parse_tree(tree).subtrees()]


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
