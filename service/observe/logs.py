"""The log on standard error: plain lines for people, or a JSON object per line for collectors.

No line contains a text, a key or an address. An internal error is logged with its traceback.
"""

import json
import logging
import time
from typing import Any

from service.settings import Settings

logger = logging.getLogger("textrnn.service")
"""The steps of starting, serving and stopping, and internal errors."""
_requests = logging.getLogger("textrnn.requests")


def configure(settings: Settings, worker: int | None = None) -> None:
    """Set up logging for the whole process, uvicorn included. With several workers each line names
    its worker."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json(worker) if settings.log_format == "json" else _Text(worker))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.basicConfig(handlers=[handler], force=True, level=max(level, logging.WARNING))
    logging.getLogger("textrnn").setLevel(level)  # other libraries only warn
    logging.captureWarnings(True)


def log_listening(url: str, settings: Settings) -> None:
    """Log where the server listens, and whether everybody may call it there."""
    logger.info("requests need %s API key", "an" if settings.api_keys else "no")
    logger.info("listening on %s", url)


def log_request(level: int, **fields: Any) -> None:
    """Log one request that was answered or whose client disconnected. Fields that are None are
    omitted."""
    if _requests.isEnabledFor(level):
        known = {name: value for name, value in fields.items() if value is not None}
        line = f"{fields['method']} {fields['route']} {fields['status']}"
        # `log` would also look up its caller, which takes longer than all else here.
        record = _requests.makeRecord(
            _requests.name, level, __file__, 0, line, (), None, extra={"fields": known}
        )
        _requests.handle(record)


class _Text(logging.Formatter):
    """`POST /v1/classify 200 duration_ms=3.1 ...` for a request, the plain message otherwise."""

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
