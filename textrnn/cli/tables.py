"""Tables and foreign text on a terminal."""

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_PICTURES |= dict.fromkeys(range(0x7F, 0xA0), 0xFFFD)  # DEL, and C1, which some terminals obey


def visible(text: str) -> str:
    """The text with pictures for control characters, so that it cannot steer the terminal."""
    return text.translate(_PICTURES)


def print_metrics(metrics: dict[str, dict[str, float]]) -> None:
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    rows = [["", *names]]
    for part, values in metrics.items():
        rows.append([part, *(f"{values[n]:.4f}" if n in values else "" for n in names)])
    print_table(rows)


def print_table(rows: list[list[str]]) -> None:
    """Columns side by side; the first row is their names."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
