"""Settings of the server, from flags, the environment (TEXTRNN_...), a TOML file and defaults."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from textrnn.config import read_toml, validation_message
from textrnn.errors import UserError


def _check_secret(secret: SecretStr) -> SecretStr:
    """Refuse an empty key, which would admit every client, and one that no header can hold."""
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", secret.get_secret_value()):
        raise ValueError("not printable ASCII, or blanks at the ends")
    return secret


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Names = Annotated[tuple[Name, ...], NoDecode]
Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
SECRETS = frozenset({"api_keys", "state_key"})
"""Settings without a flag, since every user of a machine sees the arguments of a process."""
CONFIG = "TEXTRNN_CONFIG"


class Settings(BaseSettings):
    """The docstring of a field is its help text: what it means, and how to choose it."""

    model_config = SettingsConfigDict(
        env_prefix="TEXTRNN_",
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    host: Name = "127.0.0.1"
    """The address to listen on; 0.0.0.0 to accept connections from other machines."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port to listen on; 0 for any free port."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes that share the port and divide the cores. One worker uses all cores for each batch;
    from four cores on, one worker per two to four cores serves more requests. Each has its own
    queue and its own copy of the models."""
    models: Names = ()
    """Models to serve, by shipped name or bundle directory; the first one of a task is its default.
    All shipped models if empty."""
    api_keys: Annotated[tuple[Secret, ...], NoDecode] = ()
    """API keys, one of which each request must send. No key is required if empty."""
    state_key: Secret = Field(default_factory=lambda: SecretStr(secrets.token_hex(32)))
    """The key that signs generation states. Set it if several servers are to accept each other's
    states, or a server its own after a restart; drawn at random at the start by default."""
    cors_origins: Names = ()
    """Origins whose pages may call this server from a browser, such as https://app.example.com."""
    body_bytes: PositiveInt = 2**20
    """The maximum size of a request body, in bytes; raise it only if texts need it."""
    body_timeout: PositiveFloat = 30.0
    """Seconds within which a request's head must arrive, then its body, and within which a client
    must read some of its response; lower if all clients are near."""
    texts: int = Field(default=256, ge=1, le=4096)
    """The maximum number of texts in one request; lower values share the queue more evenly among
    clients."""
    queue_rows: PositiveInt = 1024
    """The maximum number of texts in the queue, over all models, of which each client has an equal
    share; more means longer waits under load, fewer means earlier refusals."""
    queue_tokens: PositiveInt = 262_144
    """The maximum number of tokens in the queue, times the hypotheses of beam search, over all
    models, of which each client has an equal share; at least those of the longest text."""
    queue_seconds: PositiveFloat = 3.0
    """The maximum expected time until a request begins, in seconds, from the times that recent
    batches of each model took; requests that would wait longer are refused. Higher if clients
    prefer waiting to trying again."""
    deadline: PositiveFloat = 30.0
    """Seconds that a request may take in the queue and on the device together; less than the
    timeout of the clients, so that no work is done for those that have left."""
    grace: PositiveFloat = 30.0
    """Seconds after SIGTERM within which accepted requests are finished; at least the deadline, and
    less than the time until SIGKILL."""

    log_format: Literal["text", "json"] = "text"
    """The format of the log on standard error: text for people, json for log collectors."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The minimum level of logged lines: warning omits requests and progress, debug adds requests
    for health and metrics."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments: read_settings merges the sources."""
        return (init_settings,)

    @field_validator("models", "api_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """A list may end with a comma, but a list of nothing is a mistake: it would stand for
        all models, or for no keys."""
        if not isinstance(value, str):
            return value
        parts = tuple(part.strip() for part in value.removesuffix(",").split(","))
        if not all(parts):
            raise ValueError("an item is blank; leave the setting out if there is nothing to list")
        return parts

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.texts > self.queue_rows:
            raise ValueError(
                f"a request may hold {self.texts} texts, but the queue only {self.queue_rows} "
                "rows; raise queue_rows or lower texts"
            )
        return self


def read_settings(flags: Mapping[str, Any], config: str | Path | None = None) -> Settings:
    """Settings from flags, the environment, a TOML file and defaults, in order of precedence.

    The file is `config`, or the one that TEXTRNN_CONFIG names. Raises UserError, which names the
    source of each invalid value.
    """
    if config is None:
        config = os.environ.get(CONFIG) or None
    if config is not None and not str(config).strip():
        raise UserError(f"--config, or {CONFIG}: the path is blank")
    sources = {
        "a flag": flags,
        "the environment": EnvSettingsSource(Settings)(),
        str(config): _read_file(Path(config)) if config else {},
    }
    origin = {name: source for source, values in reversed(sources.items()) for name in values}
    try:
        return Settings(**{name: sources[source][name] for name, source in origin.items()})
    except ValidationError as error:
        invalid = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
        places = "".join(f"; {name} is from {origin[name]}" for name in sorted(invalid & {*origin}))
        if invalid & SECRETS:  # pydantic would show the value
            names = " and ".join(sorted(invalid & SECRETS))
            raise UserError(
                f"settings: {names}: a key must be a string of printable ASCII characters, not "
                f"empty and without blanks at its ends{places}"
            ) from None
        raise UserError(f"settings: {validation_message(error, Settings)}{places}") from None


def _read_file(path: Path) -> dict[str, Any]:
    values = read_toml(path)
    unknown = ", ".join(repr(name) for name in values if name not in Settings.model_fields)
    if unknown:
        known = ", ".join(Settings.model_fields)
        raise UserError(f"{path}: unknown key {unknown}; known keys: {known}")
    return values
