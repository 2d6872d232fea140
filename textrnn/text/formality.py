"""Whether a text addresses its reader formally or informally, by its pronouns."""

from typing import Literal

import regex

Formality = Literal["formal", "informal"]

# German "Sie" at the start of a sentence may mean "she" or "they", and "ihr" may mean "her".
_FORMAL = {
    "de": r"(?<! ^ | [.!?…:„“\"(] \s* ) \b (?: Sie | Ihnen | Ihr (?: e | em | en | er | es )? ) \b",
    "es": r"(?i) \b (?: usted (?: es )? | ud s? \. ) ",
}
_INFORMAL = {
    "de": r"(?i) \b (?: du | dich | dir | dein (?: e | em | en | er | es | s )? | euch | euer | "
    r"eure [mnrs]? | ihr \s (?: seid | habt | könnt | wollt | wisst | müsst | dürft ) ) \b",
    "es": r"(?i) \b (?: tú | ti | contigo | vosotr [oa] s | os | vuestr [oa] s? ) \b",
}
_PATTERNS = {
    language: (
        regex.compile(_FORMAL[language], regex.VERBOSE),
        regex.compile(_INFORMAL[language], regex.VERBOSE),
    )
    for language in _FORMAL
}


def has_formality(language: str) -> bool:
    """Whether `formality` knows the pronouns of a language."""
    return language in _PATTERNS


def formality(text: str, language: str) -> Formality | None:
    """The form of address of a text; None if it has none, or both, or if the language is unknown.

    >>> formality("Können Sie mir helfen?", "de"), formality("Sie ist da.", "de")
    ('formal', None)
    """
    if not has_formality(language):
        return None
    formal, informal = (bool(pattern.search(text)) for pattern in _PATTERNS[language])
    if formal == informal:
        return None
    return "formal" if formal else "informal"
