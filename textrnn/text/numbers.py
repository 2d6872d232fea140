"""Numbers as another language writes them: decimal signs, thousands, percent signs, currencies.

Dates, times, versions and years are left as they stand.
"""

import regex

_COMMA = frozenset(
    {"bg", "ca", "cs", "da", "de", "el", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "lt"}
    | {"lv", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tr", "uk"}
)
"""Languages with a decimal comma; all others have a point."""
_SPACED = _COMMA - {"nl", "tr"}
"""Languages with a space before the percent sign, and with the currency after the amount."""
_AMOUNT = regex.compile(
    r"""
    (?P<sign> [-−+±]? ) (?P<before> [$€£¥]? ) \s?
    (?P<number> \p{N}+ (?: [.,] \p{N}+ )* )
    (?: (?P<space> \s? ) (?P<after> [%$€£¥] ) )?
    """,
    regex.VERBOSE,
)
_SEPARATORS = {False: (",", "."), True: (".", ",")}
"""Of thousands and of decimals, without and with a decimal comma."""


def rewrite_number(literal: str, source: str, target: str) -> str:
    """A number of a text in the language `source` as `target` writes it; what is none unchanged.

    >>> rewrite_number("$1,250.50", "en", "de")
    '1.250,50 $'
    >>> rewrite_number("-2,5", "de", "en"), rewrite_number("9:45", "en", "de")
    ('-2.5', '9:45')
    """
    if source == target or not source or not target:
        return literal
    match = _AMOUNT.match(literal)
    if match is None:
        return literal
    sign, before, number, _, after = match.groups("")
    rest = literal[match.end() :]
    if rest[:1] in (":", "/"):
        return literal
    number = _separated(number, source in _COMMA, target in _COMMA)
    currency = before or (after if after != "%" else "")
    spaced = target in _SPACED
    if currency and not rest:
        return f"{sign}{number} {currency}" if spaced else f"{sign}{currency}{number}"
    percent = (" %" if spaced else "%") if after == "%" else after
    return f"{sign}{before}{number}{percent}{rest}"


def _separated(number: str, comma: bool, to_comma: bool) -> str:
    if comma == to_comma:
        return number
    thousands, decimal = _SEPARATORS[comma]
    grouped = rf"\p{{N}}{{1,3}} (?: [{thousands}] \p{{N}}{{3}} )+"
    decimals = rf"(?: [{decimal}] \p{{N}}+ )?"
    if not regex.fullmatch(rf"(?: {grouped} | \p{{N}}+ ) {decimals}", number, regex.VERBOSE):
        return number
    return number.translate(str.maketrans(thousands + decimal, decimal + thousands))
