"""Raw text to the words and sentences that treebanks would make of it, each with its span.

Time is linear in the text: no alternative below looks further ahead than a fixed number of
characters, or over more of the text than it then takes.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import regex

Span = tuple[int, int]

_TITLES = (
    "Mr Mrs Ms Dr Prof Gen Col Lt Capt Sgt Rep Sen Gov Rev St Jr Sr Inc Corp Ltd Co Bros vs etc"
)
_MONTHS = "Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec"
_ABBREVIATED = "|".join(f"{_TITLES} {_MONTHS}".split())

_SPACE = r"\s\x1c-\x1f"  # what str.isspace says, too
_END = r"(?! [\p{L}\p{N}] )"
_CLITIC = rf"(?i: s | m | d | re | ve | ll ) {_END}"
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
    | [\p{{L}}\p{{M}}\p{{N}}_]+? (?= (?i:n['’]t) {_END} )   # do|n't
    | (?i:n['’]t) {_END}
    | ['’] {_CLITIC}
    | [\p{{L}}\p{{M}}\p{{N}}_]+
      (?: & [\p{{L}}\p{{N}}]+                                 # AT&T
        | ['’] (?! {_CLITIC} | (?i:t) {_END} ) [\p{{L}}\p{{N}}]+ )*+
    | ([^{_SPACE}\p{{L}}\p{{M}}\p{{N}}_]) \1* \p{{M}}*  # ...  --  !!!  and any other symbol
    """,
    regex.VERBOSE,
)
_ENDS = regex.compile(r"[.!?…。！？]+")
_CLOSES = frozenset("\"'”’)]}»")
_BLANK_LINE = regex.compile(r"\n[^\S\n]*\n")


def split(text: str) -> Iterator[Span]:
    """Spans of the words and symbols of `text`, in order; all that is left out is white space.

    >>> text = "Mr. O'Neil can't e-mail AT&T in the U.S."
    >>> [text[start:end] for start, end in split(text)]
    ['Mr.', "O'Neil", 'ca', "n't", 'e', '-', 'mail', 'AT&T', 'in', 'the', 'U.S.']
    """
    for match in _TOKEN.finditer(text):
        yield match.span()


def sentences(text: str, words: Sequence[Span], most: int) -> list[slice]:
    """Slices of `words` that are sentences of `text`, none of more than `most` words.

    A sentence ends behind a full stop and the like, and what closes a quotation, unless a small
    letter follows; and at an empty line. A longer one is cut behind its last comma or the like, or
    where it must.
    """
    ends = [i + 1 for i in range(len(words) - 1) if _ends_at(text, words, i)]
    slices = []
    for start, end in pairwise([0, *ends, len(words)]):
        while end - start > most:
            cut = _cut(text, words, start, start + most)
            slices.append(slice(start, cut))
            start = cut
        slices.append(slice(start, end))
    return slices


def _ends_at(text: str, words: Sequence[Span], index: int) -> bool:
    """Whether a sentence ends behind this word, which is not the last one."""
    start, end = words[index]
    following, stop = words[index + 1]
    if _BLANK_LINE.search(text, end, following):
        return True
    if text[start:end] in _CLOSES and index and words[index - 1][1] == start:
        start, end = words[index - 1]  # ." ends as . does
    elif end == following and text[following:stop] in _CLOSES:
        return False  # the sentence ends behind that
    return bool(_ENDS.fullmatch(text, start, end)) and not text[following].islower()


def _cut(text: str, words: Sequence[Span], start: int, end: int) -> int:
    for index in range(end - 1, (start + end) // 2, -1):
        if text[slice(*words[index])] in (",", ";", ":", ".", "-", "--", "–", "—"):
            return index + 1
    return end
