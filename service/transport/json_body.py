"""Bodies in JSON, and what is wrong with those that are none."""

import json
from typing import Any, NoReturn

from service.errors import Problem


def parse_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8, UTF-16 or UTF-32. Raises Problem 422.

    pydantic's own parser accepts no lone surrogate, and does not say which field has one.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise _invalid("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        message = error.msg.removesuffix(" at")
        reason = f"{message[:1].lower()}{message[1:]} at line {error.lineno}, column {error.colno}"
        raise _invalid(reason if body.strip() else "it is empty") from None
    except UnicodeDecodeError as error:
        raise _invalid(f"byte {error.start + 1} is not {error.encoding.upper()}") from None
    except ValueError:
        raise _invalid("a number has too many digits") from None


def _refuse_constant(name: str) -> NoReturn:
    raise _invalid(f"{name} is no number in JSON")


def _invalid(reason: str) -> Problem:
    return Problem(422, "invalid_request", f"the body is not valid JSON: {reason}")
