"""Languages: their English names by code (ISO 639), and the codes that clients send for them."""

from collections.abc import Iterable

NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "as": "Assamese", "ast": "Asturian",
    "az": "Azerbaijani", "ba": "Bashkir", "be": "Belarusian", "bg": "Bulgarian", "bho": "Bhojpuri",
    "bm": "Bambara", "bn": "Bengali", "bo": "Tibetan", "br": "Breton", "bs": "Bosnian",
    "ca": "Catalan", "ceb": "Cebuano", "ckb": "Central Kurdish", "co": "Corsican", "cs": "Czech",
    "cv": "Chuvash", "cy": "Welsh", "da": "Danish", "de": "German", "dv": "Dhivehi",
    "ee": "Ewe", "el": "Greek", "en": "English", "eo": "Esperanto", "es": "Spanish",
    "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fo": "Faroese",
    "fr": "French", "fur": "Friulian", "fy": "Western Frisian", "ga": "Irish",
    "gd": "Scottish Gaelic", "gl": "Galician", "gn": "Guarani", "gu": "Gujarati", "ha": "Hausa",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hsb": "Upper Sorbian",
    "ht": "Haitian Creole", "hu": "Hungarian", "hy": "Armenian", "ia": "Interlingua",
    "id": "Indonesian", "ig": "Igbo", "is": "Icelandic", "it": "Italian", "ja": "Japanese",
    "jv": "Javanese", "ka": "Georgian", "kab": "Kabyle", "kk": "Kazakh", "km": "Khmer",
    "kmr": "Northern Kurdish", "kn": "Kannada", "ko": "Korean", "ky": "Kyrgyz", "la": "Latin",
    "lb": "Luxembourgish", "lg": "Ganda", "ln": "Lingala", "lo": "Lao", "lt": "Lithuanian",
    "lv": "Latvian", "mg": "Malagasy", "mi": "Maori", "mk": "Macedonian", "ml": "Malayalam",
    "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "my": "Burmese",
    "nb": "Norwegian Bokmål", "nds": "Low German", "ne": "Nepali", "nl": "Dutch",
    "nn": "Norwegian Nynorsk", "no": "Norwegian", "nso": "Northern Sotho", "ny": "Nyanja",
    "oc": "Occitan", "om": "Oromo", "or": "Odia", "pa": "Punjabi", "pl": "Polish", "ps": "Pashto",
    "pt": "Portuguese", "pt-BR": "Brazilian Portuguese", "qu": "Quechua", "rm": "Romansh",
    "rn": "Rundi", "ro": "Romanian", "ru": "Russian", "rw": "Kinyarwanda", "sa": "Sanskrit",
    "sc": "Sardinian", "scn": "Sicilian", "sd": "Sindhi", "se": "Northern Sami", "si": "Sinhala",
    "sk": "Slovak", "sl": "Slovenian", "sm": "Samoan", "sn": "Shona", "so": "Somali",
    "sq": "Albanian", "sr": "Serbian", "st": "Southern Sotho", "su": "Sundanese", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "tg": "Tajik", "th": "Thai", "ti": "Tigrinya",
    "tk": "Turkmen", "tl": "Tagalog", "tn": "Tswana", "to": "Tongan", "tr": "Turkish",
    "ts": "Tsonga", "tt": "Tatar", "tw": "Twi", "ug": "Uyghur", "uk": "Ukrainian", "ur": "Urdu",
    "uz": "Uzbek", "vi": "Vietnamese", "wo": "Wolof", "xh": "Xhosa", "yi": "Yiddish",
    "yo": "Yoruba", "yue": "Cantonese", "zh": "Chinese", "zh-Hans": "Chinese",
    "zh-Hant": "Chinese (traditional)", "zu": "Zulu",
}  # fmt: skip
ALIASES = {
    "arb": "ar", "als": "sq", "cmn": "zh", "ekk": "et", "fil": "tl", "in": "id", "iw": "he",
    "ji": "yi", "jw": "jv", "lvs": "lv", "mo": "ro", "no": "nb", "pb": "pt-br", "pes": "fa",
    "swh": "sw", "zsm": "ms", "zh-cn": "zh-hans", "zh-hk": "zh-hant", "zh-mo": "zh-hant",
    "zh-sg": "zh-hans", "zh-tw": "zh-hant", "zt": "zh-hant",
}  # fmt: skip
"""Codes that stand for others: former ones, those of a macrolanguage's main language, regions that
imply a script (all three from BCP 47 and its registry), and `pb` and `zt` of LibreTranslate."""


def english_name(code: str) -> str:
    """The name of a language, or its code if the name is unknown."""
    return NAMES.get(code, code)


def match_language(tag: str, available: Iterable[str]) -> str | None:
    """The available language that a language tag (BCP 47) asks for: the one with most of its
    subtags (RFC 4647, section 3.4), or else the first with the same primary subtag.

    Case does not matter, an underscore is a hyphen, and aliases are the same.

    >>> [match_language(tag, ["en", "pt-BR", "he"]) for tag in ("EN", "en_US", "pt", "iw", "fr")]
    ['en', 'en', 'pt-BR', 'he', None]
    >>> [match_language(tag, ["zh-Hans", "zh-Hant"]) for tag in ("zh", "zh-CN", "zh-TW", "zt")]
    ['zh-Hans', 'zh-Hans', 'zh-Hant', 'zh-Hant']
    """
    languages = list(available)
    wanted = _subtags(tag)
    for count in range(len(wanted), 0, -1):
        for language in languages:
            if _subtags(language) == wanted[:count]:
                return language
    return next((language for language in languages if _subtags(language)[0] == wanted[0]), None)


def _subtags(tag: str) -> list[str]:
    subtags = tag.strip().lower().replace("_", "-").split("-")
    for count in (2, 1):
        alias = ALIASES.get("-".join(subtags[:count]))
        if alias is not None:
            return [*alias.split("-"), *subtags[count:]]
    return subtags
