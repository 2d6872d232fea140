"""Pairs of dates, times, quantities and names from CLDR."""

import re
from itertools import permutations

import pytest

from support.rows import source_rows
from textrnn.errors import UserError
from training.fingerprints import fingerprints
from training.locale_phrases.frames import FRAMES, WORDS, frames
from training.locale_phrases.pairs import locale_pairs
from training.locale_phrases.phrasebook import phrasebook
from training.recipe import Source

KEYS = {"made": "locale", "rows": 50, "languages": ["en", "de"]}
MONTHS = {
    "January": "Januar", "February": "Februar", "March": "März", "April": "April", "May": "Mai",
    "June": "Juni", "July": "Juli", "August": "August", "September": "September",
    "October": "Oktober", "November": "November", "December": "Dezember",
}  # fmt: skip
WEEKDAYS = {
    "Monday": "Montag", "Tuesday": "Dienstag", "Wednesday": "Mittwoch", "Thursday": "Donnerstag",
    "Friday": "Freitag", "Saturday": "Samstag", "Sunday": "Sonntag",
}  # fmt: skip


@pytest.fixture(scope="module")
def german():
    return list(locale_pairs("en", "de", 6000, seed=0))


@pytest.fixture(scope="module")
def spanish():
    return list(locale_pairs("en", "es", 6000, seed=0))


def parse(**changes):
    return Source.parse({**KEYS, **changes}, source="test")


def test_pairs_depend_on_the_arguments_alone(german):
    """Fails if pairs repeat too often, or depend on more than languages, count and seed."""
    assert list(locale_pairs("en", "de", 6000, seed=0)) == german
    assert list(locale_pairs("en", "de", 6000, seed=1)) != german
    assert len(german) == 6000
    assert len(set(german)) > 4500


def test_a_phrase_has_one_translation(german, spanish):
    """Fails if a model would be trained on two answers to one question."""
    back = list(locale_pairs("de", "en", 6000, seed=0))
    for pairs in (german, spanish, back):
        assert len(dict(pairs)) == len(set(pairs))


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        (r"(\w+) (\d\d?)", lambda month, day: MONTHS.get(month) and f"{day}. {MONTHS[month]}"),
        (r"(\d\d?) (\w+)", lambda day, month: MONTHS.get(month) and f"{day}. {MONTHS[month]}"),
        (r"the (\d+)\w\w of (\w+) (\d+)", lambda day, month, y: f"{day}. {MONTHS[month]} {y}"),
        (r"on (\w+day)", lambda weekday: f"am {WEEKDAYS[weekday]}"),
        (r"until (\w+day)", lambda weekday: f"bis {WEEKDAYS[weekday]}"),
        (r"at (\d+) pm", lambda hour: f"um {int(hour) % 12 + 12} Uhr"),
        (r"until (\d+) am", lambda hour: f"bis {int(hour) % 12} Uhr"),
        (r"in (\d\d?) days", lambda number: f"in {number} Tagen"),
        (r"(\d\d?) years ago", lambda number: f"vor {number} Jahren"),
        (r"(\d+)\.(\d) kilomet(?:er|re)s", lambda whole, part: f"{whole},{part} Kilometer"),
        (r"(-?\d+) degrees Celsius", lambda number: f"{number} Grad Celsius"),
    ],
)
def test_known_translations_into_german(english, expected, german):
    """Fails if a phrase is translated otherwise than German has it, or never made."""
    found = [(re.fullmatch(english, phrase), translation) for phrase, translation in german]
    found = [(expected(*match.groups()), translation) for match, translation in found if match]
    found = [pair for pair in found if pair[0] is not None]
    assert found
    assert [pair for pair in found if pair[0] != pair[1]] == []


def test_english_dates_are_written_in_several_ways(german):
    """Fails if the model learns one of them alone."""
    ways = (r"\d+ May", r"May \d+(st|nd|rd|th)", r"\d+(st|nd|rd|th) May", r"the \d+th of May",
            r"May \d+, \d{4}")  # fmt: skip
    for way in ways:
        assert any(re.search(way, phrase) for phrase, _ in german), way
    wrong = re.compile(r"1[123](st|nd|rd)|(?<!1)(1th|2th|3th)")
    assert not [phrase for phrase, _ in german if wrong.search(phrase)]


def test_numbers_follow_the_language(german, spanish):
    """Fails if a translation has the decimal point of English, or other digits than its source."""
    amounts = 0
    for pairs in (german, spanish):
        for phrase, translation in pairs:
            if match := re.search(r"(-?\d[\d,]*(?:\.\d+)?) (?:kil|milli|degrees|pounds)", phrase):
                amounts += 1
                number = match[1].translate(str.maketrans(",.", ".,"))
                assert number in translation
    assert amounts > 400


def test_german_is_in_the_dative_where_it_must_be(german):
    """Fails if the units are, as CLDR has them, in the nominative."""
    text = "\n".join(translation for _, translation in german)
    assert re.search(r"^nach [\d,]+ Tagen$", text, re.MULTILINE)
    assert not re.search(r"^(nach|bis zu|innerhalb von) [\d,.]+ (Tage|Monate|Jahre)$", text, re.M)
    assert re.search(r"^mehr als [\d,]+ (Tage|Monate|Jahre)$", text, re.MULTILINE)
    assert "pro Stunden" not in text
    assert not re.search(r"\d [A-ZÄÖÜ]\w+e [A-Z]", text)  # 5 dänische Kronen


def test_one_o_clock_is_singular_in_spanish(spanish):
    """Fails if it is "a las 1:30"."""
    text = "\n".join(translation for _, translation in spanish)
    assert re.search(r"\ba la 1:\d\d", text)
    assert not re.search(r"\blas 1:", text)


def test_times_in_words(german, spanish):
    """Fails if "halb neun" is half past nine, or one o'clock is a plural in Spanish."""
    hours = {language: words.split() for language, words in WORDS["hour"].items()}
    halves = 0
    for phrase, translation in german:
        if match := re.fullmatch(r"(?:at )?half past (\w+)", phrase):
            hour = hours["en"].index(match[1])
            assert translation.split()[-1] == hours["de"][(hour + 1) % 12]
            halves += 1
    assert halves > 20
    into_spanish = dict(spanish)
    assert into_spanish["half past eight"] == "las ocho y media"
    assert into_spanish["half past one"] == "la una y media"
    assert into_spanish["it's half past one"] == "es la una y media"
    text = "\n".join(into_spanish.values())
    assert "las una" not in text
    assert "son la " not in text


def test_the_phrasebook(german):
    """Fails if greetings and words of user interfaces are left out, or a line lacks a language."""
    pairs = dict(german)
    assert pairs["Good morning!"] == "Guten Morgen!"
    assert pairs["Sign in"] == pairs["Log in"] == "Anmelden"
    back = dict(phrasebook("de", "en"))
    assert back["Alles Gute zum Geburtstag!"] == "Happy birthday!"
    assert back["Viele Grüße"] == "Best regards"
    for source, target in permutations(("en", "de", "es"), 2):
        texts = [text for pair in phrasebook(source, target) for text in pair]
        assert len(texts) > 500
        assert all(text.strip() == text and text and not set(text) & set("|=") for text in texts)
    assert phrasebook("en", "fr") == []


def test_words_of_a_field_are_as_many_in_each_language():
    assert {len({len(words.split()) for words in field.values()}) for field in WORDS.values()} == {
        1
    }


def test_spaces_are_ordinary():
    """Fails if a no-break space of CLDR is kept, or a field of a frame is not filled in."""
    for phrase, translation in locale_pairs("fr", "de", 2000, seed=0):
        assert not set("\u00a0\u202f\u2009{}|") & set(phrase + translation)


@pytest.mark.parametrize(("source", "target"), [("ja", "fr"), ("en-GB", "pl"), ("ar", "en")])
def test_languages_without_frames(source, target):
    """Fails if a language needs more than CLDR has of it."""
    pairs = list(locale_pairs(source, target, 1000, seed=0))
    assert len(pairs) == 1000
    assert all(phrase.strip() and translation.strip() for phrase, translation in pairs)


def test_names_occur_at_least_once(german):
    """Fails if the share of names does not go through all of them."""
    pairs = dict(german)
    expected = {
        "Germany": "Deutschland", "Turkey": "Türkei", "Welsh": "Walisisch", "hours": "Stunden",
        "Swiss Franc": "Schweizer Franken", "Fiji": "Fidschi",
    }  # fmt: skip
    assert {name: pairs.get(name) for name in expected} == expected


def test_frames_have_the_same_fields_in_each_language():
    """Fails if a translation speaks of another date or number than its source."""

    def fields(way):
        names = re.findall(r"\{(\w+)\}", way)
        names = (n.replace("clock", "time").removesuffix("_dative") for n in names)
        return sorted(n.replace("next_hour", "hour") for n in names)

    for meaning in (meaning for shape in FRAMES.values() for meaning in shape):
        found = [fields(way) for ways in meaning.values() for way in ways.split(" | ")]
        assert all(each == found[0] for each in found), meaning
    assert frames("day", "fr", "de") == []
    assert (["bis {weekday}"], "until {weekday}") in frames("weekday", "de", "en")


def test_a_source_of_pairs():
    """Fails if the pairs are not rows for translation, or are said to be a file."""
    rows = source_rows(parse(), "translate")
    assert len(rows) == 50
    assert set(rows[0]) == {"source", "target"}
    [(name, made)] = fingerprints(parse()).items()
    assert name == "locale en-de"
    assert "50 pairs" in made
    with pytest.raises(
        UserError, match='made = "locale" makes pairs for translation, not for classify'
    ):
        source_rows(parse(), "classify")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"languages": None}, 'made = "locale" requires rows and languages'),
        ({"rows": None}, 'made = "locale" requires rows and languages'),
        ({"languages": ["en", "xq"]}, "no language 'xq' in CLDR"),
        ({"languages": ["", "de"]}, "no language '' in CLDR"),
        ({"languages": ["en"]}, "languages"),
        ({"made": None, "path": "a.tsv"}, 'languages requires made = "locale"'),
        ({"made": "no-language"}, "requires rows, and values with a label"),
    ],
)
def test_mistakes_are_named(changes, message):
    """Fails if a recipe that cannot be used is accepted, or ends in a traceback."""
    with pytest.raises(UserError, match=message):
        parse(**changes)
