"""What a person gave us and we cannot use. Everything else that is raised is a defect of ours."""


class UserError(Exception):
    """A mistake in an input: one line that says what was found, what was expected, what to do."""


class InvalidText(UserError):
    """One text that a model cannot take.

    `code` is a stable word for machines; `limit` is the number that was exceeded, if one was.
    """

    def __init__(self, message: str, code: str, limit: int | None = None):
        super().__init__(message)
        self.code = code
        self.limit = limit
