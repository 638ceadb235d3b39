"""Log lines as JSON, one object a line, each with the request it belongs to."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

# Set by the middleware for the time of a request; threads and tasks have none.
request_id: ContextVar[str] = ContextVar("request_id", default="")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        # Django reports refusals and failures once the middleware has ended, with the request beside the message.
        asked = getattr(record, "request", None)
        if current := request_id.get() or getattr(asked, "request_id", ""):
            line["request_id"] = current
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
