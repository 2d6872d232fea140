"""Validation of input text and tokens."""

from typing import Any

from textrnn.errors import InvalidText


def validate_text(text: Any) -> str:
    """Return `text` if it is a string of well-formed Unicode. Raises InvalidText."""
    if not isinstance(text, str):
        kind = type(text).__name__
        raise InvalidText(f"text must be a string, found {kind}", "not_text")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidText(
                f"text has an unpaired surrogate at character {error.start}, which is not "
                "well-formed Unicode",
                "lone_surrogate",
            ) from None
    return text


def validate_tokens(tokens: Any) -> list[str]:
    """Return `tokens` if they are a list of words without white space. Raises InvalidText."""
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise InvalidText("tokens must be a list of strings", "not_tokens")
    for number, token in enumerate(tokens, start=1):
        if not validate_text(token) or token.split() != [token]:
            raise InvalidText(
                f"token {number} is empty or contains white space; a token is one word",
                "not_a_token",
            )
    return tokens
