"""Arguments that several commands share, and how assignments on the command line are parsed."""

from typing import Annotated, Any

import typer

from textrnn.errors import UserError

Model = Annotated[str, typer.Argument(help="Name of a shipped model, or a bundle directory.")]
RecipeName = Annotated[str, typer.Argument(help="Name of a shipped recipe, or a TOML file.")]
RecipeSettings = Annotated[
    list[str] | None, typer.Argument(help="Overrides of recipe keys, as in train.epochs=3.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="Column that holds a field, as in text=review. Repeatable."),
]
TaskOptions = Annotated[
    list[str] | None,
    typer.Option("--option", help="Option of the model's task, as in top_k=3. Repeatable."),
]


def parse_columns(assignments: list[str] | None) -> dict[str, str]:
    """["text=review"] to {"text": "review"}. Raises UserError."""
    for assignment in assignments or []:
        if "=" not in assignment:
            raise UserError(f"{assignment!r} is not an assignment; write name=value")
    return {name: value for name, _, value in (a.partition("=") for a in assignments or [])}


def one_character(flag: str, value: str | None) -> str | None:
    """The value of a flag that takes one character; `\\t` is a tab. Raises UserError."""
    if value == "\\t":
        return "\t"
    if value is not None and len(value) != 1:
        raise UserError(f"{flag} is {value!r}; it must be one character")
    return value


def parse_options(assignments: list[str] | None) -> dict[str, Any]:
    """["top_k=3"] to {"top_k": 3}; values are TOML. Raises UserError."""
    from textrnn.config import override

    return override({}, assignments or [])
