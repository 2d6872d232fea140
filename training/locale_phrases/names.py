"""Names of languages, countries, currencies and units in two languages."""

import random
import re

from babel import Locale
from babel.units import format_unit, get_unit_name

from training.locale_phrases.quantities import CURRENCIES, DURATIONS, MEASURES

_NO_COUNTRIES = {"EZ", "HK", "MO", "QO", "XA", "XB", "ZZ"}
"""Codes of groups and for tests, and two regions with names that nobody writes as CLDR does."""
_ENGLISH_NAMES = {
    "CD": ("DR Congo", "Democratic Republic of the Congo"), "CI": ("Ivory Coast",),
    "CV": ("Cabo Verde",), "CZ": ("Czech Republic",), "GB": ("Great Britain", "UK"),
    "MK": ("Macedonia",), "MM": ("Burma",), "NL": ("The Netherlands", "Holland"),
    "SZ": ("Swaziland",), "TL": ("East Timor",), "TR": ("Turkey",),
    "US": ("USA", "United States of America", "the United States"),
}  # fmt: skip
"""Names of countries as people write them in English beside those of CLDR."""


def names_in(source: Locale, target: Locale, chance: random.Random) -> list[tuple[str, str]]:
    """Names in both languages, in a random order."""
    pairs: list[tuple[str | None, str | None]] = []
    for code, name in source.territories.items():
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES:
            others = _ENGLISH_NAMES.get(code, ()) if source.language == "en" else ()
            pairs += [(each, target.territories.get(code)) for each in (name, *others)]
    for code, name in source.languages.items():
        translation = target.languages.get(code, "")
        if len(code) == 2 and "(" not in name + translation:
            pairs.append((name, translation))
    pairs += [(source.currencies.get(code), target.currencies.get(code)) for code in CURRENCIES]
    for unit in (*(f"duration-{unit}" for unit in DURATIONS), *MEASURES):
        pairs.append((get_unit_name(unit, locale=source), get_unit_name(unit, locale=target)))
        pairs.append((_singular(unit, source), _singular(unit, target)))
    found: dict[str, str] = {}
    for name, translation in pairs:
        if name and translation:
            found.setdefault(_plain(name, source), _plain(translation, target))
    names = list(found.items())
    chance.shuffle(names)
    return names


def _plain(name: str, locale: Locale) -> str:
    """A name as it is in a sentence: "Myanmar (Burma)" is Myanmar."""
    name = " ".join(re.sub(r"\(.*\)", "", name).split())
    return name.replace(" & ", " and ") if locale.language == "en" else name


def _singular(unit: str, locale: Locale) -> str:
    """A unit without the number 1."""
    return format_unit(1, unit, "long", locale=locale).replace("1", "").strip()
