"""Made texts that are in no language: numbers, codes, addresses, formulas, symbols, random letters.

A classifier of languages needs them as a label of its own: without one, "0176 4409" is in whatever
language the training text has numbers in.
"""

import random
from collections.abc import Callable, Iterator

_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwxyz", "aeiou"
_LETTERS = _CONSONANTS + _VOWELS
_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiopü", "asdfghjklöä", "yxcvbnm")
_EMOJI = [
    *"😀😂🤣😊😍😘😎😭😡🤔🙄👍👎👏🙏💪🔥🎉💯✨🚀🌍🐶🍕☕⚽🏠📞💡✅❌⭐💔",
    "❤️", "☀️", "✌️", "👨‍👩‍👧", "🇩🇪", "🇫🇷", "👍🏽",
]  # fmt: skip
_EMOTICONS = (
    ":-)",
    ":)",
    ";-)",
    ":(",
    ":-D",
    ":P",
    "<3",
    "^^",
    "-.-",
    "o_O",
    "xD",
    ":'(",
    "¯\\_(ツ)_/¯",
)
_UNITS = ("km", "m", "cm", "mm", "kg", "g", "mg", "l", "ml", "°C", "°", "%", "€", "$", "£",
          "¥", "kWh", "MB", "GB", "Hz", "px", "x", "h", "s", "km/h", "m²", "V", "W", "₽",
          "₹")  # fmt: skip
_SYMBOLS = "→←↑↓↔⇒∞≈≠≤≥±×÷√∑∏∫∂∆πΩµ§¶†‡•◦■□▲▼◆○●★☆♠♣♥♦♪♫✓✔✗─│┌┐└┘█▓░©®™№°¹²³½¼¾"
_PUNCTUATION = ".,;:!?-_/\\|()[]{}<>\"'`~@#$%^&*+=…–—«»„“”‘’¿¡·"
_TOP = ("com", "org", "net", "de", "fr", "io", "co.uk", "es", "it", "ru", "pl", "nl", "eu", "info")
_ELEMENTS = ("H", "C", "O", "N", "Na", "Cl", "Fe", "S", "K", "Ca", "Mg", "P", "Cu", "Zn", "Al")
_NO_LABEL = (
    (0x13A0, 0x13F5), (0x1401, 0x166C), (0x1680, 0x169A), (0x16A0, 0x16EA), (0xA000, 0xA48C),
    (0x10300, 0x1031F), (0x12000, 0x1236E), (0x13000, 0x1342E), (0xE000, 0xE0FF), (0x2800, 0x28FF),
)  # fmt: skip
"""Scripts of which there is no training text, braille and characters for private use."""
_CODE = (
    "for (i = 0; i < n; i++) {", "x = y[0]", "return f(x)", "<br/>", "</div>", "<a href='#'>",
    '{"id": 1, "ok": true}', "null", "if x == None:", "a[i] += 1", "&nbsp;", "&amp;", "i++;",
    "SELECT * FROM t1;", "#include <stdio.h>", "chmod +x run.sh", "def f(x):", "() => {}",
    "{0}", "%s", "{{ x }}", "printf(\"%d\\n\", i);", "git push -f", "cd ..", "rm -rf /tmp/x",
)  # fmt: skip


def made_texts(count: int, seed: int) -> Iterator[str]:
    """`count` texts of one to three parts: a function of the seed."""
    chance = random.Random(seed)
    for _ in range(count):
        parts = chance.choices((1, 2, 3), (6, 2, 1))[0]
        yield " ".join(_part(chance) for _ in range(parts))


def ornament(chance: random.Random) -> str:
    """What stands beside language in messages: a mention, an address, an emoji, a number."""
    return chance.choice((_mention, _url, _emoji, _emoji, _number, _emoticon, _order))(chance)


def _part(chance: random.Random) -> str:
    made = chance.choice(_PARTS)(chance)
    return made.upper() if chance.random() < 0.1 else made


def _digits(chance: random.Random, fewest: int, most: int) -> str:
    return "".join(chance.choices("0123456789", k=chance.randint(fewest, most)))


def _letters(chance: random.Random, fewest: int, most: int) -> str:
    return "".join(chance.choices(_LETTERS, k=chance.randint(fewest, most)))


def _name(chance: random.Random) -> str:
    """A pronounceable name."""
    syllables = (
        chance.choice(_CONSONANTS) + chance.choice(_VOWELS) + chance.choice(["", "", "n", "r", "s"])
        for _ in range(chance.randint(1, 3))
    )
    return "".join(syllables)


def _number(chance: random.Random) -> str:
    grouped = [_digits(chance, 1, 4) for _ in range(chance.randint(1, 3))]
    sign = chance.choice(("", "", "", "-", "+", "~", "#", "€ ", "$"))
    return sign + chance.choice((".", ",", " ", "", ".", "'")).join(grouped)


def _quantity(chance: random.Random) -> str:
    return _number(chance) + chance.choice(("", " ")) + chance.choice(_UNITS)


def _phone(chance: random.Random) -> str:
    groups = [_digits(chance, 2, 4) for _ in range(chance.randint(2, 5))]
    return chance.choice(("0", "+", "+49 ", "(0", "00")) + chance.choice(" -/.").join(groups)


def _date(chance: random.Random) -> str:
    numbers = [chance.randint(1, 31), chance.randint(1, 12), chance.randint(1900, 2035)]
    if chance.random() < 0.5:
        numbers.reverse()
    return chance.choice(".-/ ").join(f"{number:02d}" for number in numbers)


def _time(chance: random.Random) -> str:
    numbers = [chance.randint(0, 23), *chance.choices(range(60), k=chance.randint(1, 2))]
    return ":".join(f"{number:02d}" for number in numbers)


def _sum(chance: random.Random) -> str:
    terms = [chance.choice((_digits(chance, 1, 3), chance.choice("xyzabn"), "x²", "2x", "n!"))
             for _ in range(chance.randint(2, 4))]  # fmt: skip
    space = chance.choice(("", " "))
    text = terms[0]
    for term in terms[1:]:
        text += space + chance.choice("+-*/=×^<>≤≈÷") + space + term
    return text


def _formula(chance: random.Random) -> str:
    parts = (
        chance.choice(_ELEMENTS) + chance.choice(("", "", "2", "3", "4", "12")) for _ in range(3)
    )
    return "".join(parts)


def _marks(chance: random.Random) -> str:
    return chance.choice(_PUNCTUATION) * chance.randint(1, 6)


def _mixed_marks(chance: random.Random) -> str:
    return "".join(chance.choices(_PUNCTUATION + _SYMBOLS, k=chance.randint(1, 8)))


def _emoji(chance: random.Random) -> str:
    return "".join(chance.choices(_EMOJI, k=chance.randint(1, 3)))


def _emoticon(chance: random.Random) -> str:
    return chance.choice(_EMOTICONS)


def _code(chance: random.Random) -> str:
    """An article number, a registration, a key."""
    parts = [
        (_letters(chance, 1, 4) if chance.random() < 0.5 else _digits(chance, 1, 5))
        + chance.choice(("", _digits(chance, 1, 3)))
        for _ in range(chance.randint(1, 4))
    ]
    code = chance.choice(("-", "", " ", "_", "/", ".")).join(parts) + _digits(chance, 1, 2)
    return code.upper() if chance.random() < 0.7 else code


def _hexadecimal(chance: random.Random) -> str:
    text = "".join(chance.choices("0123456789abcdef", k=chance.choice((4, 6, 8, 16, 32))))
    return chance.choice(("", "0x", "#")) + text


def _keys(chance: random.Random) -> str:
    """Letters that a hand types at random."""
    if chance.random() < 0.5:
        row = chance.choice(_KEYBOARD)
        start = chance.randrange(len(row) - 4)
        return row[start : start + chance.randint(4, 8)] * chance.randint(1, 2)
    return "".join(chance.choices(_CONSONANTS, k=chance.randint(3, 12)))


def _noise(chance: random.Random) -> str:
    return _letters(chance, 5, 14)


def _letter(chance: random.Random) -> str:
    return chance.choice(_LETTERS)


def _mention(chance: random.Random) -> str:
    return (
        "@"
        + _name(chance)
        + chance.choice(("", "_", ""))
        + chance.choice(("", _digits(chance, 1, 4)))
    )


def _url(chance: random.Random) -> str:
    start = chance.choice(("https://", "http://", "www.", "https://www.", ""))
    path = chance.choice(("", "/", f"/{_name(chance)}", f"/{_name(chance)}/{_digits(chance, 1, 5)}",
                          f"/{_letters(chance, 5, 9)}?id={_digits(chance, 1, 4)}"))  # fmt: skip
    return f"{start}{_name(chance)}{_name(chance)}.{chance.choice(_TOP)}{path}"


def _email(chance: random.Random) -> str:
    return f"{_name(chance)}.{_name(chance)}@{_name(chance)}.{chance.choice(_TOP)}"


def _path(chance: random.Random) -> str:
    names = [_name(chance) for _ in range(chance.randint(1, 3))]
    end = chance.choice((".txt", ".py", ".pdf", ".jpg", "", ".so", ".csv"))
    return chance.choice(("/", "./", "C:\\", "~/")) + "/".join(names) + end


def _version(chance: random.Random) -> str:
    return chance.choice(("v", "", "V")) + ".".join(
        _digits(chance, 1, 3) for _ in range(chance.randint(2, 4))
    )


def _order(chance: random.Random) -> str:
    return "#" + _digits(chance, 1, 6)


def _symbols(chance: random.Random) -> str:
    return "".join(chance.choices(_SYMBOLS, k=chance.randint(1, 5)))


def _unknown_script(chance: random.Random) -> str:
    first, last = chance.choice(_NO_LABEL)
    return "".join(chr(chance.randint(first, last)) for _ in range(chance.randint(1, 12)))


def _source_code(chance: random.Random) -> str:
    return chance.choice(_CODE)


_PARTS: tuple[Callable[[random.Random], str], ...] = (
    _number, _number, _quantity, _phone, _date, _time, _sum, _formula, _marks, _mixed_marks,
    _emoji, _emoticon, _code, _code, _hexadecimal, _keys, _noise, _letter, _mention, _url, _email,
    _path, _version, _order, _symbols, _unknown_script, _source_code,
)  # fmt: skip
