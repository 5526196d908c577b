"""The form of a typed reply or a start event: drawn from its JSON Schema, read back into JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from workflows.web.forms.base import Form, with_children
from workflows.web.forms.errors import location_of, message_of
from workflows.web.forms.field import Field
from workflows.web.forms.form_spec import EXTRAS, UNSET, FieldSpec, FormSpec, Widget, form_spec
from workflows.web.forms.inputs.datetimes import zone_of
from workflows.web.forms.inputs.uploads import PREFIX, Unreadable, read_text
from workflows.web.forms.json_schema import JSONSchema
from workflows.web.forms.post_reader import PostReader
from workflows.web.forms.renderer import FieldRenderer, as_text

MAX_UPLOAD_BYTES = 5_000_000
ZONE = "_zone"
"""The control field that names the time zone in which a form was drawn, and so is read."""


_WRITTEN = frozenset(Widget) - {
    Widget.FIELDSET, Widget.CHECKBOX, Widget.CHECKBOXES, Widget.MULTISELECT, Widget.RADIO,
    Widget.SELECT, Widget.TRISTATE,
}  # fmt: skip


class SchemaForm(Form):
    """`schema` is pydantic's, in validation mode; whoever calls validates `answer()` with it.

    `initial` is JSON-able data of the same shape; `data` what was posted, which then is what the
    fields show. `uploads` offers a file beside each long text. `prefix_id` keeps ids apart where
    two forms stand on one page.

    A schema that is no object gives one field called `response`. One that takes any fields has a
    control `_json` for them, and takes other posted names as text. What no input can hold is JSON
    text under its own name.
    """

    def __init__(
        self,
        schema: JSONSchema,
        *,
        initial: Mapping[str, Any] | None = None,
        data: QueryDict | None = None,
        prefix_id: str = "",
        uploads: bool = False,
    ) -> None:
        super().__init__()
        self._spec: FormSpec = form_spec(schema, uploads=uploads)
        self._initial = initial
        self._data = data
        self._prefix_id = prefix_id
        self._uploads = uploads
        self._uploaded: dict[str, str] = {}
        self._unread: set[str] = set()
        posted = zone_of(data.get(ZONE)) if data is not None else None
        self._zone = posted or timezone.get_current_timezone()
        self._field_errors: dict[str, list[str]] = {}

    @property
    def zone(self) -> str:
        """The name of the zone that times without an offset are in; empty if none are asked."""
        asks = any(spec.widget is Widget.DATETIME for spec in self._specs().values())
        return str(self._zone) if asks else ""

    @property
    def has_verdict(self) -> bool:
        """Whether `approved` is two submit buttons, and no field; else there is one Send."""
        return self._spec.has_verdict

    @property
    def has_uploads(self) -> bool:
        """Whether a file control is drawn, so that the form must be multipart."""
        return any(field.file_name for field in with_children(self.fields))

    @property
    def has_errors(self) -> bool:
        """Whether anything was found wrong: by `answer()` itself, or by `set_errors`."""
        return bool(self.errors or self._field_errors)

    @property
    def fields(self) -> list[Field]:
        """The fields as they stand now, with what was typed and the errors so far."""
        renderer = FieldRenderer(
            data=self._data,
            uploaded=self._uploaded,
            errors=self._field_errors,
            prefix_id=self._prefix_id,
            uploads=self._uploads,
            no_browser_validation=self.has_verdict,
        )
        with timezone.override(self._zone):
            return [renderer.field(spec, self._initial_of(spec)) for spec in self._spec.fields]

    def answer(
        self,
        files: MultiValueDict[str, UploadedFile[Any]] | None = None,
        *,
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
    ) -> Any:
        """The posted data as JSON. Raises nothing: text that is no number stays text.

        What pydantic could not see (a file that is not UTF-8, text that should be JSON, NaN, an
        hour that a clock skips) is put at its field, so look at `has_errors` too.
        """
        if self._uploads and files is not None:
            self._read_files(files, max_upload_bytes)
        data = self._data if self._data is not None else QueryDict()
        with timezone.override(self._zone):
            initial = dict(self._initial_values())
            specs = self._specs()
            drawn = {name: as_text(specs[name], value) for name, value in initial.items()}
            answer = PostReader(
                data, self._uploaded, document=self._spec.document, drawn=drawn, initial=initial
            )
            value = answer.whole(self._spec)
        for name, problem in answer.problems.items():
            self._refuse(name, problem)
        return value

    def set_errors(self, errors: list[dict[str, Any]] | list[Any]) -> None:
        """Put each of pydantic's `errors()` at its field; those of no field into `errors`."""
        for error in errors:
            name, rest = location_of(error.get("loc", ()), self._specs())
            message = message_of(error, rest)
            if name == "approved" and self.has_verdict and error.get("type") == "missing":
                self._add_error("", "Choose one of the two buttons.")
            elif name not in self._unread:  # why it could not be read says more
                self._add_error(name, message)

    def _refuse(self, name: str, problem: str) -> None:
        self._unread.add(name)
        self._add_error(name, problem)

    def _add_error(self, name: str, message: str) -> None:
        known = name in self._specs()
        found = self._field_errors.setdefault(name, []) if known else self.errors
        text = message if known or not name else f"{name}: {message}"
        if text not in found:
            found.append(text)

    def _specs(self) -> dict[str, FieldSpec]:
        return {spec.name: spec for spec in _specs(self._spec.fields)}

    def _initial_of(self, spec: FieldSpec) -> Any:
        if self._initial is None:
            return UNSET
        if spec.name == EXTRAS:
            known = {other.name for other in self._spec.fields}
            return {k: v for k, v in self._initial.items() if k not in known}
        return self._initial.get(spec.key, UNSET)

    def _initial_values(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, value) of each field of text that is drawn with a value in it."""
        for spec in self._spec.fields:
            yield from _values(spec, self._initial_of(spec))

    def _read_files(self, files: MultiValueDict[str, UploadedFile[Any]], max_bytes: int) -> None:
        for spec in self._specs().values():
            file = files.get(PREFIX + spec.name)
            if file is None or spec.widget is not Widget.LONG_TEXT:
                continue
            try:
                self._uploaded[spec.name] = read_text(file, max_bytes=max_bytes)
            except Unreadable as error:
                self._refuse(spec.name, str(error))


def _values(spec: FieldSpec, initial: Any) -> Iterator[tuple[str, Any]]:
    value = spec.default if initial is UNSET else initial
    for child in spec.children:
        inner = value.get(child.key, UNSET) if isinstance(value, dict) else UNSET
        yield from _values(child, inner)
    if value is not UNSET and value is not None and spec.widget in _WRITTEN:
        yield spec.name, value


def _specs(specs: tuple[FieldSpec, ...]) -> Iterator[FieldSpec]:
    for spec in specs:
        yield spec
        yield from _specs(spec.children)
