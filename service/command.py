"""The flags of `textrnn serve`: one for each setting, made from the settings themselves."""

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, get_origin

import typer

from service.settings import SECRETS, Settings, read_settings

EPILOG = (
    "Each setting may also come from the environment, as TEXTRNN_QUEUE_ROWS=2048 does, with commas "
    "between the items of a list, or from a TOML file, as in queue_rows = 2048. A flag wins over "
    "the environment, and that over the file. api_keys and state_key come from the environment or "
    "the file alone: every user of a machine sees the arguments of a process."
)


def run(arguments: Sequence[str], serve: Callable[[Settings], None]) -> None:
    """Serve as `arguments` say. Raises SystemExit, and UserError for settings that cannot be."""

    def command(config: str | None, **flags: Any) -> None:
        serve(read_settings({k: v for k, v in flags.items() if v is not None}, config))

    command.__doc__ = "Answer requests over HTTP."
    command.__signature__ = Signature(_parameters())  # type: ignore[attr-defined]
    command.__annotations__ = {}
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command(epilog=EPILOG)(command)
    app(list(arguments), prog_name="textrnn serve")


def _parameters() -> list[Parameter]:
    file = typer.Option("--config", help="A TOML file of settings; also TEXTRNN_CONFIG.")
    flags = [_parameter("config", str, file)]
    for name, field in Settings.model_fields.items():
        if name in SECRETS:
            continue
        several = get_origin(field.annotation) is tuple
        note = "May be given several times." if several else f"Default: {field.default}."
        help = " ".join(f"{field.description} {note}".split())
        option = typer.Option(f"--{name.replace('_', '-')}", help=help)
        flags.append(_parameter(name, list[str] if several else field.annotation, option))
    return flags


def _parameter(name: str, kind: Any, option: Any) -> Parameter:
    # Without a flag there is no value, so that the environment's or the file's counts.
    annotation = Annotated[kind | None, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
