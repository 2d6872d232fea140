"""Raw text to the sentences to translate, and all that stands between them."""

from collections.abc import Sequence

from textrnn.text.treebank import Span, sentences, split


def passages(text: str) -> list[Span]:
    """Spans of the sentences of `text`, in order. None holds a line break, and none is without a
    letter: what has nothing to translate is left between them."""
    found: list[Span] = []
    start = 0
    for line in text.splitlines(keepends=True):
        words = [(start + a, start + b) for a, b in split(line)]
        for part in sentences(text, words, len(words)) if words else ():
            first, last = words[part][0], words[part][-1]
            if any(character.isalpha() for character in text[first[0] : last[1]]):
                found.append((first[0], last[1]))
        start += len(line)
    return found


def rejoin(text: str, spans: Sequence[Span], replaced: Sequence[str]) -> str:
    """`text` with what is at each span replaced, and the rest as it is."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    between = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    return "".join(a + b for a, b in zip(between, [*replaced, ""], strict=True))
