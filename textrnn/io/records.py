"""Records: the rows of files, and what a reader has to know about a file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow


class Record(NamedTuple):
    """One row of a file: its fields, or the reason why it cannot be read."""

    line: int
    """The line where it begins, from 1; in Parquet the number of the row."""
    fields: dict[str, Any]
    error: str | None = None
    span: tuple[int, int] | None = None
    """Its first and last line; None if there is only `line`."""
    arrow: "tuple[pyarrow.RecordBatch, int] | None" = None
    """For Parquet, the batch that contains the row with its original types, and its index."""

    @property
    def lines(self) -> int:
        """Number of lines that it takes up."""
        return 1 if self.span is None else self.span[1] - self.span[0] + 1


@dataclass(frozen=True)
class TableOptions:
    """How a table in a text file is written. Formats without tables ignore these."""

    columns: tuple[str, ...] = ()
    """Names of the columns of a file without a header line, or of CoNLL."""
    delimiter: str | None = None
    """The character between two cells of CSV; by default a comma."""
    escape: str | None = None
    """The character before a quote inside of a quoted cell; by default such quotes are doubled."""
