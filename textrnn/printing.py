"""Tables on a terminal, in plain text."""


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
