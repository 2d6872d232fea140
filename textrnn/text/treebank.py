"""Treebank tokens and sentences of raw text, with their offsets.

Time is linear in the length of the text: each alternative of the pattern below looks ahead over a
bounded number of characters, or over no more text than it then consumes.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import methodcaller

import regex

from textrnn.text.segments import Offsets, segments

_TITLES = (
    "Mr Mrs Ms Dr Prof Gen Col Lt Capt Sgt Rep Sen Gov Rev St Jr Sr Inc Corp Ltd Co Bros vs etc"
)
_MONTHS = "Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec"
_ABBREVIATED = "|".join(f"{_TITLES} {_MONTHS}".split())

_SPACE = r"\s\x1c-\x1f"  # as str.isspace
_END = r"(?! [\p{L}\p{N}] )"
# The Penn Treebank splits clitics off, so that "don't" in raw text and "do n't" in treebanks become
# the same two words.
CLITIC = rf"(?i: s | m | d | re | ve | ll ) {_END}"
"""A verbose pattern for the letters of 's, 'm, 'd, 're, 've and 'll."""
NEGATION = rf"(?i: n['’]t ) {_END}"
"""A verbose pattern for n't."""
_TOKEN = regex.compile(
    rf"""
      (?: https?:// | www\. ) [^{_SPACE}<>"]* [^{_SPACE}<>".,;:!?'’”)\]}}]
    | [\p{{L}}\p{{N}}._+-]{{1,64}}+
      @ [\p{{L}}\p{{N}}-]{{1,64}} (?: \. [\p{{L}}\p{{N}}-]{{1,64}} ){{1,8}}
    | [@#] [\p{{L}}\p{{N}}_]+
    | [:;=] [-'^]? [()\[\]DPp/\\|*] {_END}    # :-)
    | (?: \p{{L}} \. ){{2,}}                                  # U.S.  e.g.
    | (?: {_ABBREVIATED} ) \.
    | \p{{Lu}} \. (?= \s{{1,2}} \p{{Lu}} )                    # J. Smith
    | \p{{N}}++ (?: [.,:/] \p{{N}}++ )*+ (?! [\p{{L}}\p{{M}}_] ) # 3.5  1,000  10:30  24/7
    | [\p{{L}}\p{{M}}\p{{N}}_]+? (?= {NEGATION} )   # do|n't
    | {NEGATION}
    | ['’] {CLITIC}
    | [\p{{L}}\p{{M}}\p{{N}}_]+
      (?: & [\p{{L}}\p{{N}}]+                                 # AT&T
        | [\u200c\u200d] [\p{{L}}\p{{M}}\p{{N}}_]+             # Persian, with a non-joiner
        | ['’] (?! {CLITIC} | (?i:t) {_END} ) [\p{{L}}\p{{N}}]+ )*+
    | ([^{_SPACE}\p{{L}}\p{{M}}\p{{N}}_]) \1* \p{{M}}*  # ...  --  !!!  and any other symbol
    """,
    regex.VERBOSE,
)
_ENDS = regex.compile(r"[.!?…。！？]+")
_CLOSES = frozenset("\"'”’)]}»")


def treebank_tokens(text: str) -> Iterator[Offsets]:
    """Offsets of the tokens of `text`, in order; only white space is left out.

    >>> text = "Mr. O'Neil can't e-mail AT&T in the U.S."
    >>> [text[start:end] for start, end in treebank_tokens(text)]
    ['Mr.', "O'Neil", 'ca', "n't", 'e', '-', 'mail', 'AT&T', 'in', 'the', 'U.S.']
    """
    return map(methodcaller("span"), _TOKEN.finditer(text))


def split_sentences(text: str, tokens: Sequence[Offsets], max_tokens: int) -> list[slice]:
    """Slices of `tokens` that are sentences of `text`, each of at most `max_tokens` tokens.

    A sentence ends where a segment of the text does, and as `split_segment` says.
    """
    bounds = [bisect_left(tokens, (start,)) for start, _ in segments(text)]
    return [
        slice(first + part.start, first + part.stop)
        for first, last in pairwise([*bounds, len(tokens)])
        for part in split_segment(text, tokens[first:last], max_tokens)
    ]


def split_segment(text: str, tokens: Sequence[Offsets], max_tokens: int) -> list[slice]:
    """Slices of `tokens`, which are those of one segment, that are sentences.

    A sentence ends after terminal punctuation with a following closing quote or bracket unless a
    lower-case letter follows. A longer sentence is cut after a comma, another punctuation mark or a
    dash in its second half, or else at the limit.
    """
    ends = [i + 1 for i in range(len(tokens) - 1) if _ends_at(text, tokens, i)]
    slices = []
    for start, end in pairwise([0, *ends, len(tokens)] if tokens else []):
        while end - start > max_tokens:
            cut = _cut(text, tokens, start, start + max_tokens)
            slices.append(slice(start, cut))
            start = cut
        slices.append(slice(start, end))
    return slices


def _ends_at(text: str, tokens: Sequence[Offsets], index: int) -> bool:
    """Whether a sentence ends after this token, which is not the last one."""
    start, end = tokens[index]
    following, stop = tokens[index + 1]
    if text[start:end] in _CLOSES and index and tokens[index - 1][1] == start:
        start, end = tokens[index - 1]  # ." is decided by the .
    elif end == following and text[following:stop] in _CLOSES:
        return False  # the sentence ends after the quote or bracket
    return bool(_ENDS.fullmatch(text, start, end)) and not text[following].islower()


def _cut(text: str, tokens: Sequence[Offsets], start: int, end: int) -> int:
    for index in range(end - 1, (start + end) // 2, -1):
        if text[slice(*tokens[index])] in (",", ";", ":", ".", "-", "--", "–", "—"):
            return index + 1
    return end
