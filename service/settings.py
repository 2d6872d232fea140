"""How a server is set up: by flag, by environment (TEXTRNN_...), by file, by default."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
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

from textrnn.config import explain, read_toml
from textrnn.errors import UserError

Names = Annotated[tuple[str, ...], NoDecode]
Secret = Annotated[SecretStr, Field(min_length=1)]
"""An empty key would let everyone in."""
SECRETS = frozenset({"api_keys", "state_key"})
"""Settings that have no flag: every user of a machine sees the arguments of a process."""
CONFIG = "TEXTRNN_CONFIG"


class Settings(BaseSettings):
    """The docstring of a field is its help: what it is, and how to choose it."""

    model_config = SettingsConfigDict(
        env_prefix="TEXTRNN_",
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """The address to listen on; 0.0.0.0 to be reached from elsewhere."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port to listen on; 0 for any that is free."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes that share the port and divide the cores among them. One uses all cores for each
    batch; from four cores on, a worker for every two to four answers more requests. Each has a
    queue and a copy of the models of its own."""
    models: Names = ()
    """Models to serve, by shipped name or bundle directory; the first of a task is that task's
    default. With none, all shipped ones."""
    api_keys: Annotated[tuple[Secret, ...], NoDecode] = ()
    """Keys, of which a request has to show one. With none, no key is asked for."""
    state_key: Secret = Field(default_factory=lambda: SecretStr(secrets.token_hex(32)))
    """What the states of generated texts are signed with. Give several servers one key if they
    shall take each other's states, or one server if it shall take its own after a restart; else it
    is drawn at the start."""
    cors_origins: Names = ()
    """Origins whose pages may call this server from a browser, as in https://app.example.com."""
    body_bytes: PositiveInt = 2**20
    """The largest body of a request, in bytes; more only if texts need it."""
    body_timeout: PositiveFloat = 30.0
    """Seconds in which a body must arrive; fewer where clients are near."""
    texts: int = Field(default=256, ge=1, le=4096)
    """The most texts in one request; fewer let requests of several clients take turns sooner."""
    queue_rows: PositiveInt = 1024
    """The most texts that wait, over all models; more means longer waits under load, fewer means
    earlier refusals."""
    queue_tokens: PositiveInt = 262_144
    """The most tokens that wait, padding included, over all models; at least the longest text."""
    queue_seconds: PositiveFloat = 3.0
    """Seconds that a text may have to wait for those before it, at the present pace; where it would
    be more it is refused. More where clients would rather wait than try again."""
    deadline: PositiveFloat = 30.0
    """Seconds that a request may take in the queue and on the device together; less than the
    patience of the clients, so that no work is done for who has left."""
    grace: PositiveFloat = 30.0
    """Seconds after SIGTERM in which accepted requests are finished; at least the deadline, and
    less than the time after which whoever sent SIGTERM sends SIGKILL."""

    log_format: Literal["text", "json"] = "text"
    """How the log, on standard error, is written: text for people, json for what collects logs."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on lines are logged: warning leaves out requests and progress, debug adds
    requests for health and metrics."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, and nothing else: read_settings puts the sources together."""
        return (init_settings,)

    @field_validator("models", "api_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.texts > self.queue_rows:
            raise ValueError(
                f"a request may hold {self.texts} texts, but the queue only {self.queue_rows} "
                "rows; raise queue_rows or lower texts"
            )
        return self


def read_settings(flags: Mapping[str, Any], config: str | Path | None = None) -> Settings:
    """Settings from flags, else the environment, else a TOML file, else defaults.

    The file is `config`, or what TEXTRNN_CONFIG names. Raises UserError, which says where what is
    wrong comes from.
    """
    config = config or os.environ.get(CONFIG)
    sources = {
        "a flag": flags,
        "the environment": EnvSettingsSource(Settings)(),
        str(config): _read_file(Path(config)) if config else {},
    }
    origin = {name: source for source, given in reversed(sources.items()) for name in given}
    try:
        return Settings(**{name: sources[source][name] for name, source in origin.items()})
    except ValidationError as error:
        at_fault = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
        if at_fault & SECRETS:  # pydantic would show what it found
            names = " and ".join(sorted(at_fault & SECRETS))
            raise UserError(f"settings: {names}: keys are strings that are not empty") from None
        places = "".join(
            f"; {name} is from {origin[name]}" for name in sorted(at_fault & {*origin})
        )
        raise UserError(f"settings: {explain(error, Settings)}{places}") from None


def _read_file(path: Path) -> dict[str, Any]:
    given = read_toml(path)
    unknown = ", ".join(repr(name) for name in given if name not in Settings.model_fields)
    if unknown:
        known = ", ".join(Settings.model_fields)
        raise UserError(f"{path}: unknown key {unknown}; known keys: {known}")
    return given
