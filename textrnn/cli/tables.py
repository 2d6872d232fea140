"""Tables and untrusted text on a terminal."""

_SYMBOLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_SYMBOLS |= dict.fromkeys(
    range(0x7F, 0xA0), 0xFFFD
)  # DEL and the C1 controls, which some terminals interpret


def visible(text: str) -> str:
    """The text with control characters replaced by visible symbols."""
    return text.translate(_SYMBOLS)


def print_metrics(metrics: dict[str, dict[str, float]]) -> None:
    """Print one row per data set and one column per metric."""
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    rows = [["", *names]]
    for part, values in metrics.items():
        rows.append([part, *(f"{values[n]:.4f}" if n in values else "" for n in names)])
    print_table(rows)


def print_table(rows: list[list[str]]) -> None:
    """Print rows as aligned columns; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
