"""Fields of forms: url-encoded, and multipart (RFC 7578)."""

from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from urllib.parse import parse_qs

from service.errors import Problem

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_MOST_FIELDS = 5000
_LONGEST_HEAD = 8192
"""Bytes of the headers of a part."""


@dataclass(frozen=True)
class Upload:
    """A file of a form."""

    name: str
    content: bytes


FormValue = str | Upload
FormFields = dict[str, FormValue | list[FormValue]]
"""Values by name; a list if the name occurs several times."""


def parse_urlencoded(body: bytes) -> FormFields:
    """Raises Problem 422."""
    try:
        fields = parse_qs(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise _too_many_fields() from None
    return {name: values[0] if len(values) == 1 else [*values] for name, values in fields.items()}


def parse_multipart(body: bytes, content_type: str) -> FormFields:
    """Raises Problem 422."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= 70:
        raise _malformed("content-type has no boundary of 1 to 70 characters")
    delimiter = b"\r\n--" + boundary.encode("utf-8", "replace")
    _, *parts = (b"\r\n" + body).split(delimiter, _MOST_FIELDS + 1)
    if len(parts) > _MOST_FIELDS:
        raise _too_many_fields()
    if not parts or not parts[-1].startswith(b"--"):
        raise _malformed("it does not end with its boundary")
    fields: dict[str, list[FormValue]] = {}
    for part in parts[:-1]:
        name, value = _parse_part(part)
        fields.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _parse_part(part: bytes) -> tuple[str, FormValue]:
    head, separator, content = part.partition(b"\r\n\r\n")
    if not separator or len(head) > _LONGEST_HEAD:
        raise _malformed("a part has no headers, or too long ones")
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace").lstrip())
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise _malformed("a part has no name")
    file_name = headers.get_filename()
    if file_name is not None:
        return name, Upload(file_name, content)
    return name, content.decode("utf-8", "replace")


def _malformed(reason: str) -> Problem:
    return Problem(422, "invalid_request", f"the body is not multipart/form-data: {reason}")


def _too_many_fields() -> Problem:
    detail = f"the form has more than {_MOST_FIELDS} fields, the limit"
    return Problem(422, "invalid_request", detail)
