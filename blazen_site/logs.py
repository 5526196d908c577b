"""The format of log lines: text in DEBUG, otherwise one JSON object on each line."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from workflows.observability import log_context

# Attributes that libraries add for their own handlers. They are objects that JSON cannot have.
LEFT_OUT = ("request", "server_time", "taskName", "sinfo", "color_message")


class LogContextFilter(logging.Filter):
    """Adds the ids of the run and the request to a record. It passes all records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the known ids that the record does not have."""
        known = {**self._of_address(record), **log_context.current()}
        for name, value in known.items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True

    def _of_address(self, record: logging.LogRecord) -> dict[str, str]:
        """Return ids from the request: Django logs failed requests after the context has ended."""
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        return log_context.known_fields(match.kwargs) if match is not None else {}


class JsonLines(JsonFormatter):
    """One JSON object on each line: time, level, logger, message, run_id, request_id and others.

    A traceback is one string in `exception`, so that a record is one line.
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
    """Return Django's LOGGING, which writes all records to stderr."""
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
            # No line for each page and file; errors come from `django.request`.
            "daphne": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "django.channels.server": {"level": "WARNING"},
            # In DEBUG the pages show requests, answers and ended runs, so they are not logged.
            "workflows.worker.commit.telemetry": {"level": "WARNING" if debug else "INFO"},
        },
    }
