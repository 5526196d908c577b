"""How a log line is written: words for a person in DEBUG, one JSON object a line elsewhere."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from workflows.observability import log_context

# What libraries attach for handlers of their own: whole objects, not facts.
LEFT_OUT = ("request", "server_time", "taskName", "sinfo", "color_message")


class LogContextFilter(logging.Filter):
    """Gives a record the ids of the run and the request that it is about. Lets all pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what is known and not said yet."""
        known = {**self._of_address(record), **log_context.current()}
        for name, value in known.items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True

    def _of_address(self, record: logging.LogRecord) -> dict[str, str]:
        """Django logs failed requests when the context that knew the ids is gone."""
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        return log_context.known_fields(match.kwargs) if match is not None else {}


class JsonLines(JsonFormatter):
    """One JSON object a line: time, level, logger, message, then run_id, request_id and others.

    A traceback is one string under `exception`, so that a line stays a line.
    """

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            style=",",
            timestamp="time",
            reserved_attrs=[*RESERVED_ATTRS, *LEFT_OUT],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        )


def logging_settings(*, debug: bool) -> dict[str, Any]:
    """Return Django's LOGGING: everything to stderr, where whoever started the process reads it."""
    line = {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line if debug else {"()": JsonLines}},
        "filters": {"log_context": {"()": LogContextFilter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["log_context"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # One line for every page and file is noise here; errors come from `django.request`.
            "daphne": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "django.channels.server": {"level": "WARNING"},
            # Asked, answered, ended: in DEBUG the pages tell it, and tell it better.
            "workflows.worker.commit.telemetry": {"level": "WARNING" if debug else "INFO"},
        },
    }
