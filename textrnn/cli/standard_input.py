"""Lines of standard input as records."""

from collections.abc import Iterator
from itertools import count
from typing import BinaryIO

from textrnn.io.records import Record, encoding_error

LONGEST_LINE = 16 * 2**20
"""Bytes. The rest of a longer line is read and dropped, so that it does not fill the memory."""


def read_input(stream: BinaryIO) -> Iterator[Record]:
    """The field `text` of each line, or the reason why it cannot be read, as soon as it is there.

    Lines end with a newline, before which a carriage return is left out.
    """
    for number in count(1):
        line = stream.readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(LONGEST_LINE)
            yield Record(number, {}, f"is longer than {LONGEST_LINE} bytes")
            continue
        text = line.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
        text = text.removeprefix("\ufeff") if number == 1 else text
        yield Record(number, {"text": text}, encoding_error(text))
