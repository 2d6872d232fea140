"""Configurations of networks without anything random, so that two implementations agree."""

from typing import Any, TypeVar

from textrnn.config import Config

ConfigT = TypeVar("ConfigT", bound=Config)

RATES = ("dropout", "word_dropout", "type_dropout", "forgetting", "weight_drop")


def without_dropout(config: ConfigT) -> ConfigT:
    """The same configuration with all rates of dropout and of forgetting set to zero."""
    return type(config).parse(_zeroed(config.model_dump()), source="benchmark")


def _zeroed(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _zeroed(value) if isinstance(value, dict) else 0.0 if name in RATES else value
        for name, value in values.items()
    }
