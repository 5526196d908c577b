"""Reads the input of a command, JSON or a file, and checks it before it is stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from workflows.engine import Workflow
from workflows.engine.serialization.json_limits import InputRefused, check_json, parse_json
from workflows.web.forms.inputs.json_numbers import keep_digits


def read_input(argument: str, workflow: Workflow) -> dict[str, Any]:
    """Return the fields of `--input`: `{...}`, `@file` or `@-` for standard input.

    A file that is not a JSON object is the text of the one field that the workflow requires, if
    that is a text; a file named `.json` is always read as JSON. Raise CommandError with a
    sentence that names the file and the place.
    """
    if not argument.startswith("@"):
        return _fields(argument, "The input", workflow)
    name = argument[1:]
    text = _text_of(name)
    what = "The input" if name == "-" else f"The file {name}"
    field = only_text_field(workflow)
    if field is None or name.endswith(".json") or text.lstrip().startswith("{"):
        return _fields(text, what, workflow)
    data = {field: text}
    try:
        check_json(
            data, what=what, max_bytes=settings.PAYLOAD_MAX_BYTES,
            max_depth=settings.JSON_MAX_DEPTH,
        )  # fmt: skip
    except InputRefused as error:
        raise CommandError(str(error)) from None
    return data


def only_text_field(workflow: Workflow) -> str | None:
    """Return the name of the one required field of the workflow's input, if that is a text."""
    schema = workflow.start_schema()
    required = schema.get("required", [])
    if len(required) != 1:
        return None
    name: str = required[0]
    return name if schema["properties"][name].get("type") == "string" else None


def _fields(text: str, what: str, workflow: Workflow) -> dict[str, Any]:
    # A field may be given by its alias or by its name.
    schemas = [workflow.start_class.model_json_schema(by_alias=way) for way in (True, False)]
    try:
        value = parse_json(
            text, what=what, max_bytes=settings.PAYLOAD_MAX_BYTES,
            max_depth=settings.JSON_MAX_DEPTH, digits=True,
        )  # fmt: skip
        value = keep_digits(value, *schemas, what=what)
    except InputRefused as error:
        raise CommandError(str(error)) from None
    if not isinstance(value, dict):
        raise CommandError(f"{what} is not a JSON object such as " + '{"text": "…"}.')
    return value


def _text_of(name: str) -> str:
    """Return the file's text, UTF-8 with or without a byte order mark."""
    most = settings.PAYLOAD_MAX_BYTES
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(most + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"The file {name!r} cannot be read: {reason}.") from None
    if len(raw) > most:
        raise CommandError(f"The file {name} has more than the {most:,} bytes allowed.")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CommandError(
            f"The file {name} is not UTF-8: line {line} has the byte 0x{raw[error.start]:02X}. "
            "Save it as UTF-8."
        ) from None
