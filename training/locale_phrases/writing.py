"""How dates, times and quantities are written in a language."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, cast

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit

from training.locale_phrases.frames import WORDS
from training.locale_phrases.quantities import CURRENCIES

_ENGLISH_DAYS = (
    ("{day} {month}", " {year}"),
    ("{month} {nth}", ", {year}"),
    ("{nth} {month}", " {year}"),
    ("the {nth} of {month}", " {year}"),
    ("{short} {day}", ", {year}"),
    ("{day} {short}", " {year}"),
)
"""Ways to write a day in English beside that of CLDR, and what follows if the year is given."""
_UNITS = {
    "second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1),
    "day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30),
    "year": timedelta(days=365),
}  # fmt: skip
"""The units of time as Babel counts them."""
_ADJECTIVE = re.compile(r"\b[A-ZÄÖÜ]\w*e (?=[A-ZÄÖÜ])")
STYLES = 60
"""How many habits there are."""


@dataclass(frozen=True)
class Facts:
    """What a pair of phrases may speak of."""

    day: date
    later_day: date
    later_month: date
    with_year: bool
    decade: int
    start: time
    end: time
    unit: str
    value: float
    more: float


@dataclass(frozen=True)
class Writer:
    """A language, and a number that stands for habits; the standard is 0."""

    locale: Locale
    style: int = 0


def fill(pattern: str, facts: Facts, writer: Writer) -> str:
    """A pattern with its fields, of which training.locale_phrases.frames has examples."""
    text = re.sub(r"\{(\w+)\}", lambda match: _FIELDS[match[1]](facts, writer), pattern)
    if writer.locale.language == "es":
        text = text.replace("las 1:", "la 1:").replace("las una ", "la una ")  # one is singular
        text = text.replace("son la ", "es la ")
    return " ".join(text.split())  # no-break spaces, too


def _day(day: date, facts: Facts, writer: Writer) -> str:
    locale = writer.locale
    if locale.language == "en" and writer.style:
        form, year = _ENGLISH_DAYS[writer.style % len(_ENGLISH_DAYS)]
        return (form + year * facts.with_year).format(
            day=day.day,
            nth=_ordinal(day.day),
            month=format_date(day, "MMMM", locale),
            short=format_date(day, "MMM", locale),
            year=day.year,
        )
    if facts.with_year:
        return format_date(day, "long", locale)
    return format_skeleton("MMMMd", day, locale=locale)


def _short(day: date, writer: Writer) -> str:
    """With the month abbreviated, but for the standard."""
    if writer.style:
        return format_skeleton("yMMMd", day, locale=writer.locale)
    return format_date(day, "long", writer.locale)


def _ordinal(number: int) -> str:
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}th" if number in (11, 12, 13) else f"{number}{last}"


def _month(day: date, facts: Facts, writer: Writer) -> str:
    if facts.with_year:
        return format_skeleton("yMMMM", day, locale=writer.locale)
    return format_date(day, "LLLL", writer.locale)


def _weekday(day: date, writer: Writer) -> str:
    return format_date(day, "cccc", writer.locale)


def _clock(when: time, writer: Writer) -> str:
    """By 24 hours, as in "14:30", or as CLDR has it for the language."""
    form = "HH:mm" if writer.locale.language == "en" else "short"
    return format_time(when, form, locale=writer.locale)


def _time(when: time, writer: Writer) -> str:
    language, style, whole = writer.locale.language, writer.style, not when.minute
    if language == "de":
        if whole and style % 3 != 1:
            return str(when.hour)
        return _clock(when, writer).removeprefix("0" if style % 3 == 2 else "")
    if language != "en":
        return _clock(when, writer)
    hour = str(when.hour % 12 or 12)
    if whole and 0 < when.hour <= 12 and style % 6 == 5:
        return f"{hour} o'clock"
    digits = hour if whole and style % 4 != 3 else f"{hour}:{when.minute:02}"
    letter = "p" if when.hour >= 12 else "a"
    end = (" {}m", " {}m", " {}.m.", "{}m", " {}M")[style % 5].format(letter)
    return digits + (end.upper() if end.endswith("M") else end)


def _written(value: float, facts: Facts, writer: Writer) -> str:
    """A number with its unit in words."""
    locale = writer.locale
    if facts.unit in CURRENCIES:
        text = format_currency(value, facts.unit, "#,##0.##", locale, False, "name")
        # CLDR capitalises the adjective, as in a list: 5 dänische Kronen.
        return (
            _ADJECTIVE.sub(lambda match: match[0].lower(), text)
            if locale.language == "de"
            else text
        )
    if locale.language == "en" and writer.style % 2:
        locale = Locale("en", "GB")  # metres and litres
    return format_unit(value, facts.unit, "long", locale=locale)


def _dative(value: float, facts: Facts, writer: Writer) -> str:
    """As `_written`, in the German dative: "3 Tagen", "5 dänischen Kronen"."""
    text = re.sub(r"(?<=\we) (?=\w)", "n ", _written(value, facts, writer))
    plural = value != 1 and " pro " not in text
    return f"{text}n" if plural and text.endswith(("e", "er")) else text


def _relative(sign: int) -> Callable[[Facts, Writer], str]:
    def write(facts: Facts, writer: Writer) -> str:
        unit = facts.unit.removeprefix("duration-")
        delta = sign * int(facts.value) * _UNITS[unit]
        # The threshold keeps the unit: 90 minutes do not become 2 hours.
        return format_timedelta(delta, cast(Any, unit), 10**9, True, locale=writer.locale)

    return write


def _word(field: str, place: int, writer: Writer) -> str:
    """The word at a place, counted on from the first one after the last."""
    words = WORDS[field][writer.locale.language].split()
    return words[place % len(words)]


_FIELDS: dict[str, Callable[[Facts, Writer], str]] = {
    "day": lambda facts, writer: _day(facts.day, facts, writer),
    "later_day": lambda facts, writer: _day(facts.later_day, facts, writer),
    "full": lambda facts, writer: format_date(facts.day, "full", writer.locale),
    "short": lambda facts, writer: _short(facts.day, writer),
    "month": lambda facts, writer: _month(facts.day, facts, writer),
    "later_month": lambda facts, writer: _month(facts.later_month, facts, writer),
    "weekday": lambda facts, writer: _weekday(facts.day, writer),
    "later_weekday": lambda facts, writer: _weekday(facts.later_day, writer),
    "year": lambda facts, writer: str(facts.day.year),
    "later_year": lambda facts, writer: str(facts.day.year + (facts.later_day - facts.day).days),
    "decade": lambda facts, writer: str(facts.decade),
    "time": lambda facts, writer: _time(facts.start, writer),
    "later_time": lambda facts, writer: _time(facts.end, writer),
    "clock": lambda facts, writer: _clock(facts.start, writer),
    "later_clock": lambda facts, writer: _clock(facts.end, writer),
    "hour": lambda facts, writer: _word("hour", facts.start.hour - 1, writer),
    "next_hour": lambda facts, writer: _word("hour", facts.start.hour, writer),
    "minutes": lambda facts, writer: _word("minutes", facts.day.day, writer),
    "liquid": lambda facts, writer: _word("liquid", facts.day.day, writer),
    "amount": lambda facts, writer: _written(facts.value, facts, writer),
    "amount_dative": lambda facts, writer: _dative(facts.value, facts, writer),
    "size": lambda facts, writer: _written(abs(facts.value), facts, writer),
    "more": lambda facts, writer: _written(facts.more, facts, writer),
    "more_dative": lambda facts, writer: _dative(facts.more, facts, writer),
    "number": lambda facts, writer: format_decimal(facts.value, locale=writer.locale),
    "ago": _relative(-1),
    "ahead": _relative(1),
}
"""How each field of a frame is written."""
