"""The words of a row to tag, which are given or split from its text."""

from collections.abc import Sequence
from typing import NamedTuple

from textrnn.rows import Row
from textrnn.tasks.tag.options import TagOptions
from textrnn.tasks.task import cut, field
from textrnn.text import Normalization
from textrnn.text.treebank import Offsets, split_sentences, treebank_tokens
from textrnn.text.validation import validate_text, validate_tokens


class Words(NamedTuple):
    text: str
    """As sent; empty if the words were given."""
    sent: Sequence[str]
    """The words as sent, which answers repeat."""
    normal: Sequence[str]
    """In their normal form, which the model reads."""
    places: Sequence[Offsets] | None
    """The span of each word in the text; None if the words were given."""
    sentences: Sequence[slice]
    """The words that the model reads together."""
    truncated: bool


def read_words(
    row: Row, normalization: Normalization, limit: int, longest: int, options: TagOptions
) -> Words:
    """The words of a row, at most `limit`, in sentences of at most `longest`.

    Raises InvalidText, and UserError if the row has neither tokens nor text.
    """
    if "tokens" in row:
        given = validate_tokens(row["tokens"])
        truncated = cut(len(given), limit, options.truncate)
        given = given[:limit]
        normal = [normalization.apply(word).text or word for word in given]
        parts = [slice(at, min(at + longest, len(given))) for at in range(0, len(given), longest)]
        return Words("", given, normal, None, parts, truncated)
    text = validate_text(field(row, "text"))
    normalized = normalization.apply(text, options.html)
    offsets = normalized.whole(treebank_tokens(normalized.text))
    truncated = cut(len(offsets), limit, options.truncate)
    offsets = offsets[:limit]
    normal = [normalized.text[start:end] for start, end in offsets]
    parts = split_sentences(normalized.text, offsets, longest)
    if normalized.starts is None:
        return Words(text, normal, normal, offsets, parts, truncated)
    places = [(start, end) for start, end in normalized.original(offsets).tolist()]
    sent = [text[start:end] for start, end in places]
    return Words(text, sent, normal, places, parts, truncated)
