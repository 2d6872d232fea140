"""Hooks of the documentation site: pages made from the code and from files outside docs/.

    README.md, SECURITY.md, deploy/README.md, CHANGELOG.md      copied, with links adjusted
    reference/recipe.md, reference/settings.md                  from the config classes
    reference/cli.md                                            from the help of the commands

A config key without a docstring is a warning, which fails the build.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from textrnn.config import Config

# Only the documentation needs descriptions; reading them from the source costs import time.
Config.model_config["use_attribute_docstrings"] = True

log = get_plugin_logger(__name__)
ROOT = Path(__file__).parents[1]
COPIED = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "deploy/README.md": "deployment.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"(\]\()([^)#:\s]+)(#[^)]*)?\)")
CODE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {
        "reference/recipe.md": recipe_page(),
        "reference/settings.md": settings_page(),
        "reference/cli.md": cli_page(),
    }
    for source, page in COPIED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        pages[page] = with_links(text, source, page)
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    uri = page.file.src_uri
    if page.file.generated_by:
        return markdown
    return with_links(markdown, f"docs/{uri}", uri)


def with_links(markdown: str, source: str, page: str) -> str:
    """Links between files of the repository as links between pages of the site."""

    def replace(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2]))
        if (ROOT / target).is_dir():
            target += "/README.md"
        target = COPIED.get(target, target.removeprefix("docs/"))
        relative = posixpath.relpath(target, posixpath.dirname(page) or ".")
        return f"{match[1]}{relative}{match[3] or ''})"

    parts = CODE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(replace, part) for part in parts)


def recipe_page() -> str:
    from textrnn.tasks import TASKS
    from training.recipe import Recipe

    lines = [
        "# Recipe keys",
        "Every key of a recipe with its type, default and meaning. The [training guide]"
        "(../training.md) explains how they work together.",
        "## Top level",
        *tables(Recipe, "", skip=("model",)),
    ]
    for name, task in TASKS.items():
        lines += [f'## `[model]` for `task = "{name}"` {{: #model-{name} }}']
        lines += tables(task.config_type, "model", level=3)
    return "\n\n".join(lines) + "\n"


def tables(
    config: type[BaseModel],
    path: str,
    level: int = 2,
    skip: tuple[str, ...] = (),
    defaults: BaseModel | None = None,
) -> Iterator[str]:
    """The summary and table of a config, then those of each config within it.

    `defaults` is the value of the config in the config around it.
    """
    summary = " ".join((config.__doc__ or "").split("\n\n")[0].split())
    if summary and config.__doc__ != Config.__doc__:
        yield summary
    fields = {name: field for name, field in config.model_fields.items() if name not in skip}
    nested = {name: config_within(field.annotation) for name, field in fields.items()}
    plain = [name for name, inner in nested.items() if not inner]
    if plain:
        yield table([row(config, name, getattr(defaults, name, None)) for name in plain])
    for name, inner in nested.items():
        if not inner:
            continue
        inside = f"{path}.{name}" if path else name
        match str(fields[name].annotation):
            case annotation if annotation.startswith("dict"):
                title = f"[[{inside}.NAME]]"
            case annotation if annotation.startswith("tuple"):
                title = f"[[{inside}]]"
            case _:
                title = f"[{inside}]"
        yield f"{'#' * level} `{title}`"
        if name == "dev":
            yield f"{fields[name].description} The keys are those of `[[data.train]]`."
            continue
        value = fields[name].default if defaults is None else getattr(defaults, name)
        inner_defaults = value if isinstance(value, inner) else None
        yield from tables(inner, inside, level, defaults=inner_defaults)


def table(rows: list[str]) -> str:
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows])


def row(config: type[BaseModel], name: str, value: Any = None) -> str:
    """The row of a key whose default is `value`, or else that of the field."""
    field = config.model_fields[name]
    if not field.description:
        log.warning("%s.%s.%s has no docstring", config.__module__, config.__name__, name)
    meaning = " ".join((field.description or "").split())
    shown = default(field) if value is None else literal(value)
    cells = [f"`{name}`", kind(config, name), shown, meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def kind(config: type[BaseModel], name: str) -> str:
    """The type of a key in words, with the values it can have and its bounds."""
    properties = config.model_json_schema(mode="validation")["properties"]
    return in_words(properties[name])


def in_words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        kinds = [in_words(part) for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return "table"
    match schema.get("type"):
        case "array":
            items = schema.get("items")
            if not isinstance(items, dict):
                return "list"
            plural = {"string": "strings", "integer": "integers", "number": "numbers"}
            return f"list of {plural.get(in_words(items), in_words(items))}"
        case "object":
            return "table"
        case "string":
            return "path" if schema.get("format") == "path" else "string"
        case "integer" | "number" as number:
            bounds = [
                f"{sign} {schema[key]:g}"
                for key, sign in (
                    ("minimum", "≥"), ("exclusiveMinimum", ">"),
                    ("maximum", "≤"), ("exclusiveMaximum", "<"),
                )
                if key in schema
            ]  # fmt: skip
            return " ".join([number, ", ".join(bounds)]).strip()
        case other:
            return str(other or "any")


def default(field: Any) -> str:
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined:
        return "generated"
    return literal(field.default)


def literal(value: Any) -> str:
    """A value as TOML."""
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case tuple():
            return f"`{list(value)}`".replace("'", '"')
        case _:
            return f"`{value}`"


def config_within(annotation: Any) -> type[BaseModel] | None:
    """The config class of a field, also within an option, a list or a table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for a in get_args(annotation) if (found := config_within(a))), None)


def settings_page() -> str:
    from service.settings import Settings

    return (
        "# Settings\n\nEvery setting of `textrnn serve`. See [where settings come from]"
        "(../service.md#settings).\n\n"
        f"{table([row(Settings, name) for name in Settings.model_fields])}\n"
    )


def cli_page() -> str:
    import typer
    from typer.main import get_command

    from textrnn.cli.main import app

    command = get_command(app)
    lines = ["# Command line", command.help or "", *arguments_table(command)]
    for path, each in leaves(command, "textrnn"):
        if path == "textrnn serve":
            lines += [f"## {path}", each.help or "", "Options: see [settings](settings.md)."]
            continue
        context = typer.Context(each, info_name=path)
        lines += [f"## {path}", f"```\n{usage(each, context, path)}\n```", each.help or ""]
        lines += arguments_table(each)
    return "\n\n".join(lines) + "\n"


def arguments_table(command: Any) -> list[str]:
    """The table of a command's arguments and options; none if it has no arguments."""
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        names = ", ".join(f"`{name}`" for name in parameter.opts if name.startswith("-"))
        names = names or f"`{(parameter.name or '').upper()}`"
        rows.append(f"| {names} | {getattr(parameter, 'help', '') or ''} |")
    return ["\n".join(["| argument | meaning |", "|---|---|", *rows])] if rows else []


def usage(command: Any, context: Any, path: str) -> str:
    return f"{path} {' '.join(command.collect_usage_pieces(context))}"


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from leaves(child, f"{path} {name}")
