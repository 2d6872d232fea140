"""Whether what is given as text can be taken as text at all."""

from typing import Any

from textrnn.errors import InvalidText


def checked(text: Any) -> str:
    """The text, if it is one. Raises InvalidText."""
    if not isinstance(text, str):
        kind = type(text).__name__
        raise InvalidText(f"text must be a string, found {kind}", "not_text")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidText(
                f"text holds half a surrogate pair at character {error.start}, which is not "
                "Unicode text; send well-formed text",
                "lone_surrogate",
            ) from None
    return text


def given_words(tokens: Any) -> list[str]:
    """The words, if they are a list of words. Raises InvalidText."""
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise InvalidText("tokens must be a list of strings", "not_tokens")
    for number, token in enumerate(tokens, start=1):
        if not checked(token) or token.split() != [token]:
            raise InvalidText(
                f"token {number} is empty or holds white space; a token is one word",
                "not_a_token",
            )
    return tokens
