"""Errors caused by the user's input. Any other exception is a defect in textrnn."""


class UserError(Exception):
    """An invalid input. The message is one line: what was found, what was expected, what to do."""


class InvalidText(UserError):
    """A text that a model does not accept, or does not with these options.

    `code` is a stable identifier for programs; `limit` is the limit that was exceeded, if any;
    `option` is the option that is at fault, if it is not the text.
    """

    def __init__(
        self, message: str, code: str, limit: int | None = None, option: str | None = None
    ):
        super().__init__(message)
        self.code = code
        self.limit = limit
        self.option = option


class BundleError(UserError):
    """A directory that is no bundle, a damaged one, or one whose model cannot be built."""
