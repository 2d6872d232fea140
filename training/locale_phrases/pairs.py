"""Pairs of phrases, drawn at random."""

import math
import random
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from itertools import cycle

from babel import Locale, UnknownLocaleError

from training.locale_phrases.frames import frames
from training.locale_phrases.names import names_in
from training.locale_phrases.phrasebook import phrasebook
from training.locale_phrases.quantities import draw_quantity
from training.locale_phrases.writing import STYLES, Facts, Writer, fill

_KINDS = {"date": 31, "amount": 24, "time": 13, "name": 17, "phrase": 15}
"""How many of a hundred pairs are of each kind."""
_DATES = {"day": 50, "month": 20, "weekday": 20, "year": 10}
_AMOUNTS = {"duration": 40, "measure": 30, "portion": 5, "temperature": 20, "money": 5}
_TIMES = {"time": 60, "spoken": 25, "fraction": 15}
_BARE = {
    "day": ("{day}", "{day}", "{full}", "{short}"),
    "month": ("{month}",),
    "weekday": ("{weekday}",),
    "duration": ("{amount}", "{ago}", "{ahead}"),
    **dict.fromkeys(("measure", "portion", "temperature", "money"), ("{amount}",)),
}
"""Phrases that CLDR has for all languages."""
_WITHOUT_FRAMES = {
    "year": ("{month}",), **dict.fromkeys(("time", "spoken", "fraction"), ("{time}",)),
}  # fmt: skip
"""What takes their place in languages that have no frames. With frames, a time is one: in German it
is "14:30 Uhr"."""
_TRIES = 20
"""Drawings of a phrase until it is taken a second time: there are few of weekdays and months."""


def parse_language(code: str) -> Locale:
    """The locale of a code such as "en" or "en-GB". Raises ValueError."""
    try:
        return Locale.parse(code.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        raise ValueError(
            f'no language {code!r} in CLDR; expected a code such as "en" or "en-GB"'
        ) from None


def locale_pairs(source: str, target: str, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` phrases of the source with their translations: a function of the arguments.

    A phrase has the same translation wherever it occurs. Raises ValueError for unknown languages.
    """
    locales = parse_language(source), parse_language(target)
    chance = random.Random(f"{seed} {source} {target}")
    names = cycle(names_in(*locales, chance))
    phrases = phrasebook(*(locale.language for locale in locales))
    chance.shuffle(phrases)
    of_book = cycle(phrases)
    makers: dict[str, Callable[[], tuple[str, str]]] = {
        "date": lambda: _phrase(chance.choices(*_weights(_DATES))[0], *locales, chance),
        "amount": lambda: _phrase(chance.choices(*_weights(_AMOUNTS))[0], *locales, chance),
        "time": lambda: _phrase(chance.choices(*_weights(_TIMES))[0], *locales, chance),
        "name": lambda: next(names),
        "phrase": lambda: next(of_book),
    }
    known: dict[str, str] = {}
    kinds = {kind: share for kind, share in _KINDS.items() if phrases or kind != "phrase"}
    for _ in range(count):
        kind = chance.choices(*_weights(kinds))[0]
        phrase, translation = makers[kind]()
        for _ in range(0 if kind in ("name", "phrase") else _TRIES):
            if phrase not in known:
                break
            phrase, translation = makers[kind]()
        yield phrase, known.setdefault(phrase, translation)


def _weights(shares: dict[str, int]) -> tuple[list[str], list[int]]:
    return list(shares), list(shares.values())


def _phrase(shape: str, source: Locale, target: Locale, chance: random.Random) -> tuple[str, str]:
    around = _around(shape, source, target, chance)
    bare = _BARE.get(shape, () if around else _WITHOUT_FRAMES.get(shape, ()))
    facts = _facts(shape, chance)
    if shape in _AMOUNTS and facts.value == 1:  # "every 1 day" is not said
        around = []
    if shape == "temperature" and facts.value >= 0:
        around = [each for each in around if "{size}" not in each[1]]
    if around and (not bare or chance.random() < 0.6):
        ways, translation = chance.choice(around)
        # The standard way is the most common one.
        phrase = ways[0] if chance.random() < 0.5 else chance.choice(ways)
    else:
        phrase = translation = chance.choice(bare)
    style = chance.choice((0, chance.randrange(1, STYLES)))
    written = fill(phrase, facts, Writer(source, style))
    return written, fill(translation, facts, Writer(target))


def _around(
    shape: str, source: Locale, target: Locale, chance: random.Random
) -> list[tuple[list[str], str]]:
    """The frames of a shape, or for half of the amounts those that fit all of them."""
    if shape in ("duration", "measure", "money") and chance.random() < 0.5:
        shape = "amount"
    return frames(shape, source.language, target.language)


def _facts(shape: str, chance: random.Random) -> Facts:
    day = date(1950, 1, 1) + timedelta(days=chance.randrange(31_000))
    hour = chance.choice((chance.randrange(24), chance.randint(7, 21)))
    minute = chance.choice((0, 0, 0, 15, 30, 30, 45, chance.randrange(60)))
    unit, value = draw_quantity(shape, chance)
    return Facts(
        day=day,
        later_day=day + timedelta(days=7 * chance.randrange(10) + chance.randint(1, 6)),
        later_month=day + timedelta(days=chance.randint(32, 300)),
        with_year=chance.random() < 0.4,
        decade=chance.randrange(1920, 2000, 10),
        start=time(hour, minute),
        end=time((hour + chance.randint(1, 8)) % 24, chance.choice((0, minute))),
        unit=unit,
        value=value,
        more=round(value + chance.choice((1, 2, 5)) * 10 ** int(math.log10(abs(value) + 1)), 1),
    )
