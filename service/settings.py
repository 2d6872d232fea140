"""How a server is set up: by flag, by environment (TEXTRNN_...), by default."""

import secrets
from typing import Annotated, Any, Self

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from textrnn.config import explain
from textrnn.errors import UserError

Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="TEXTRNN_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    models: Names = ()
    """Shipped names or bundle directories, comma-separated in the environment; the first of a task
    is that task's default. Empty: all shipped models."""
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Comma-separated. With none, no key is asked for."""
    state_key: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_hex(32)))
    """What the states of generated texts are signed with. Several servers that shall take each
    other's states, or one that shall take its own after it was started again, need one key; else it
    is drawn at the start."""
    cors_origins: Names = ()
    """Origins whose pages may call this server from a browser."""
    body_bytes: PositiveInt = 2**20
    """The largest request body."""
    body_timeout: PositiveFloat = 30.0
    """Seconds in which a request's body must have arrived."""
    texts: int = Field(default=256, ge=1, le=4096)
    """The most texts in one request."""
    queue_rows: PositiveInt = 1024
    """The most texts that wait, over all models."""
    queue_tokens: PositiveInt = 262_144
    """The most tokens that wait, padding included, over all models."""
    deadline: PositiveFloat = 30.0
    """Seconds that a request may take in the queue and on the device together."""
    grace: PositiveFloat = 30.0
    """Seconds after SIGTERM in which accepted requests are finished."""

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, data: dict) -> dict:
        lists = ("models", "api_keys", "cors_origins")
        return {
            key: tuple(part.strip() for part in value.split(",") if part.strip())
            if key in lists and isinstance(value, str)
            else value
            for key, value in data.items()
        }

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.texts > self.queue_rows:
            raise ValueError(
                f"a request may hold {self.texts} texts, but the queue only {self.queue_rows} "
                "rows; raise queue_rows or lower texts"
            )
        return self


def read_settings(given: dict[str, Any]) -> Settings:
    """Settings from flags (`given`), the environment and defaults. Raises UserError."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise UserError(f"settings: {explain(error, Settings)}") from None
