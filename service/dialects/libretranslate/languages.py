"""Languages: their English names by ISO 639-1 code, and the codes that clients send for them."""

from collections.abc import Iterable

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "eo": "Esperanto",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nb": "Norwegian",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "th": "Thai", "tl": "Tagalog", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def english_name(code: str) -> str:
    """The name of a language, or its code if the name is unknown."""
    return NAMES.get(code, code)


def match_language(tag: str, available: Iterable[str]) -> str | None:
    """The available language that a language tag (BCP 47) asks for: the one with most of its
    subtags (RFC 4647, section 3.4), or else the first with the same primary subtag.

    Case does not matter, and an underscore is a hyphen.

    >>> [match_language(tag, ["en", "pt-BR"]) for tag in ("EN", "en_US", "pt", "fr")]
    ['en', 'en', 'pt-BR', None]
    """
    languages = list(available)
    wanted = _subtags(tag)
    for count in range(len(wanted), 0, -1):
        for language in languages:
            if _subtags(language) == wanted[:count]:
                return language
    return next((language for language in languages if _subtags(language)[0] == wanted[0]), None)


def _subtags(tag: str) -> list[str]:
    return tag.strip().lower().replace("_", "-").split("-")
