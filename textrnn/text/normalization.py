"""The normal form of text as people write it, with offsets into the text as it was sent.

    as sent     "Zu", combining mark, "rich", soft hyphen, “here…”
    normal      "Zürich", "here..."

Models read the normal form, and answers point into the text as sent. First, what is not seen is
removed: soft hyphens, zero-width spaces, byte-order marks, controls of direction and all other
control characters. Joiners stay where writing needs them: in emoji of several emoji, and between
letters of scripts that join. Then each grapheme cluster (Unicode Standard Annex 29) is composed
(NFC, Annex 15), and quotes, dashes, ellipses, spaces, full-width and styled letters get their plain
form. ASCII text without control characters is unchanged.

A span never cuts a grapheme cluster. Where one is several characters in the normal form, the last
of them has its span, and those before it have empty ones.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

import regex
from pydantic import NonNegativeInt

from textrnn.config import Config
from textrnn.text.html_text import html_text
from textrnn.text.normalized import Changes, Normalized
from textrnn.text.segments import Offsets

_SUBSTITUTES = {
    **dict.fromkeys("\u00a0\u1680\u202f\u205f\u2800\u3000", " "),
    **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
    **dict.fromkeys("\u0085\u2028\u2029", "\n"),
    **dict.fromkeys("‘’‚‛′‹›´ʻʼ", "'"),
    **dict.fromkeys("“”„‟″«»〝〞", '"'),
    **dict.fromkeys("‐‑‒–⁃−﹣", "-"),
    **dict.fromkeys("—―⸺", "--"),
    "‥": "..",
    "…": "...",
}
_STYLED = (
    *range(0xFF01, 0xFFA0), *range(0xFFE0, 0xFFEF),  # full width and half width
    *range(0xFB00, 0xFB07), *range(0x24B6, 0x24EA), *range(0x1D400, 0x1D800),  # ﬁ Ⓐ 𝓐
)  # fmt: skip
"""Characters that are others in another style, which their compatibility form (NFKC) is without.
Half-width Hangul is not among them, since its parts are no whole characters."""
_PLAIN = {code: unicodedata.normalize("NFKC", chr(code)) for code in _STYLED}
_PLAIN = {code: form for code, form in _PLAIN.items() if not form[0].isspace()}
_PLAIN |= {ord(char): form for char, form in _SUBSTITUTES.items()}
"""The plain form of each character that has another."""
_BLANK = {0x2800: " "}
"""The blank Braille pattern, which is a space, but not to Unicode."""

_SINGLE = (
    "\t\n\r -~¡-ª¬®-³µ-º¼-ʹ\u0370-\u0373\u0388-\u0482\u048a-\u052f\u05d0-\u05ea\u0621-\u064a"
    "\u0671-\u06d3\u0e01-\u0e30\u1e00-\u1eff•€\u3001-\u301c\u3021-\u3029\u3041-\u3096\u30a1-\u30fa\u30fc"
    "\u3400-\u4dbf\u4e00-\u9fff"
)
_SYLLABLES = "\uac00-\ud7a3"
_ORDINARY = re.compile(f"[{_SINGLE}{_SYLLABLES}]*")
"""Text in frequent characters that are clusters by themselves and unchanged. Others may be, too."""
_STRETCH = re.compile(f"[{_SINGLE}{_SYLLABLES}]?[^{_SINGLE}{_SYLLABLES}][^{_SINGLE}]*")
"""Whole clusters, among them all that have several characters or another form. A syllable of Hangul
may belong to what is before it."""
_CLUSTER = regex.compile(r"[\s\u2800]|\X")
"""A mark after white space is on no letter, and is not seen as a part of the space."""
_MARK = regex.compile(r"[\p{M}\U0001f3fb-\U0001f3ff]")
"""What belongs to the character before it. At the start of a cluster, there is none."""

_UNSEEN = re.compile(
    "\U0001f3f4[\U000e0020-\U000e007e]{1,16}\U000e007f"  # the flag of a region, which is seen
    "|([\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891"
    "\u08e2\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff])"
)
"""In the group: control characters, format characters, and others that have no glyph, except for
variation selectors."""
_JOINED = (
    r"[\p{Arabic}\p{Syriac}\p{Nko}\p{Mongolian}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}"
    r"\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}"
    r"\p{Tibetan}&&[\p{L}\p{M}]]"
)
_JOINER = regex.compile(
    r"(?<= \p{Extended_Pictographic} [\ufe0f\U0001f3fb-\U0001f3ff]? )"
    r" \u200d (?= \p{Extended_Pictographic} )"
    rf"| (?<= {_JOINED} ) [\u200c\u200d] (?= {_JOINED} )",
    regex.VERBOSE | regex.VERSION1,
)
"""A joiner that writing needs."""


class Normalization(Config):
    """The normal form that a model reads."""

    form: Literal["exact", "composed", "plain"] = "plain"
    """`exact` is the text as sent. `composed` is without what is not seen, and composed (NFC).
    `plain` has plain characters in place of typographic, full-width and styled ones, too."""
    longest_run: NonNegativeInt = 0
    """A letter that is repeated more often is cut to as many, as in "soooo"; 0 cuts none."""

    def apply(self, text: str, html: bool = False) -> Normalized:
        """The normal form of a text, or of that of HTML. That of a normal form is itself."""
        normalized = html_text(text) if html else Normalized(text)
        if self.form != "exact" and not _is_ordinary(normalized.text):
            normalized = normalized.then(_without_unseen(normalized.text))
            forms = _PLAIN if self.form == "plain" else _BLANK
            normalized = normalized.then(_with_forms(normalized.text, forms))
        if self.longest_run:
            normalized = normalized.then(_with_short_runs(normalized.text, self.longest_run))
        return normalized


def _is_ordinary(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or bool(_ORDINARY.fullmatch(text))


def _without_unseen(text: str) -> Normalized:
    changes = Changes(text)
    for match in _UNSEEN.finditer(text):
        if match[1] and not _JOINER.match(text, match.start()):
            changes.replace(*match.span(), "")
    return changes.normalized()


def _with_forms(text: str, forms: dict[int, str]) -> Normalized:
    changes = Changes(text)
    for start, end in _stretches(text):
        at = start
        for cluster in _CLUSTER.findall(text, start, end):
            form = _form(cluster, forms)
            if form != cluster or len(form) > 1:
                changes.replace(at, at + len(cluster), form)
            at += len(cluster)
    return changes.normalized()


def _stretches(text: str) -> Iterable[Offsets]:
    if unicodedata.is_normalized("NFC", text):
        return (match.span() for match in _STRETCH.finditer(text))
    return [(0, len(text))]  # some single characters are in no composed text


def _form(cluster: str, forms: dict[int, str]) -> str:
    if cluster.isascii():
        return cluster
    if _MARK.match(cluster):
        return ""
    form = unicodedata.normalize("NFC", cluster.translate(forms))
    return cluster if _MARK.match(form) else form


def _with_short_runs(text: str, longest: int) -> Normalized:
    changes = Changes(text)
    for run in regex.finditer(rf"(\p{{L}})\1{{{longest},}}(?!\p{{M}})", text):
        changes.replace(run.start() + longest - 1, run.end(), run[1])
    return changes.normalized()
