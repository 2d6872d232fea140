"""The log, on standard error: plain lines for people, or an object a line for what collects logs.

No line has a text, a key or an address; a defect is logged with its traceback.
"""

import json
import logging
import time
from typing import Any

from service.settings import Settings

log = logging.getLogger("textrnn.service")
requests = logging.getLogger("textrnn.requests")


def configure(settings: Settings, worker: int | None = None) -> None:
    """Log as the settings say, uvicorn's lines too. A worker of several is named in each line."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json(worker) if settings.log_format == "json" else _Text(worker))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.basicConfig(handlers=[handler], force=True, level=max(level, logging.WARNING))
    logging.getLogger("textrnn").setLevel(level)  # what others inform of is of no use here
    logging.captureWarnings(True)


def say(line: str) -> None:
    """Tell of a step in the life of the server."""
    log.info("%s", line)


def log_request(level: int, **fields: Any) -> None:
    """One request that was answered, or whose client left. What is None is left out."""
    if requests.isEnabledFor(level):
        known = {name: value for name, value in fields.items() if value is not None}
        line = f"{fields['method']} {fields['route']} {fields['status']}"
        requests.log(level, line, extra={"fields": known})


class _Text(logging.Formatter):
    """`POST /v1/classify 200 duration_ms=3.1 ...` for a request; else the message alone."""

    def __init__(self, worker: int | None):
        super().__init__("%(message)s" if worker is None else f"worker {worker}: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        fields = getattr(record, "fields", {})
        shown = (f" {k}={v}" for k, v in fields.items() if k not in ("method", "route", "status"))
        return line + "".join(shown)


class _Json(logging.Formatter):
    """{"time": "2026-11-21T10:00:00.123Z", "level": "info", "message": "draining", ...}"""

    def __init__(self, worker: int | None):
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._worker,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
