"""The flags of `textrnn serve`: one for each setting, generated from `Settings`."""

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, get_origin

import typer

from service.settings import SECRETS, Settings, read_settings

EPILOG = (
    "Each setting may also come from the environment, as in TEXTRNN_QUEUE_ROWS=2048, with commas "
    "between the items of a list, or from a TOML file, as in queue_rows = 2048. A flag takes "
    "precedence over the environment, and the environment over the file. api_keys and state_key "
    "have no flag, since every user of a machine sees the arguments of a process."
)


def run_command(arguments: Sequence[str], serve: Callable[[Settings], None]) -> None:
    """Call `serve` with the settings of a command line. Raises SystemExit at its end, UserError for
    invalid settings."""

    def command(config: str | None, **flags: Any) -> None:
        serve(read_settings({k: v for k, v in flags.items() if v is not None}, config))

    command.__doc__ = "Serve models over HTTP."
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
        note = "May be repeated." if several else f"Default: {field.default}."
        help = " ".join(f"{field.description} {note}".split())
        option = typer.Option(f"--{name.replace('_', '-')}", help=help)
        flags.append(_parameter(name, list[str] if several else field.annotation, option))
    return flags


def _parameter(name: str, kind: Any, option: Any) -> Parameter:
    # None stands for a flag that is not used: the environment or the file decides.
    annotation = Annotated[kind | None, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
