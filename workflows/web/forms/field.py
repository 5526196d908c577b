"""One drawn field: everything that a template needs, and nothing that it must work out."""

from __future__ import annotations

from dataclasses import dataclass, field

from workflows.web.forms.form_spec import Widget

_WIDE = (
    Widget.LONG_TEXT, Widget.LINES, Widget.JSON, Widget.FIELDSET, Widget.CHECKBOXES, Widget.RADIO,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a list, with the id that its own label needs where it is a radio or a box."""

    text: str
    label: str
    selected: bool
    id: str


@dataclass(slots=True)
class Field:
    """`name` is posted, `value` what stands in it (text; a bool for a checkbox).

    `attrs` are the attributes of the input beside name, id, value and ARIA; a value of None is an
    attribute without one. `file_name` names the file control beside it, if there is one. A field
    that `is_paired` stands beside another although its kind takes the whole width otherwise.
    """

    name: str
    label: str
    widget: Widget
    required: bool
    id: str
    help: str = ""
    attrs: dict[str, str | None] = field(default_factory=dict)
    choices: list[Option] = field(default_factory=list)
    value: str | bool = ""
    errors: list[str] = field(default_factory=list)
    children: list[Field] = field(default_factory=list)
    file_name: str = ""
    file_types: str = ""
    is_paired: bool = False

    @property
    def help_id(self) -> str:
        return f"{self.id}-help"

    @property
    def error_id(self) -> str:
        return f"{self.id}-error"

    @property
    def described_by(self) -> str:
        """The ids for `aria-describedby`, the error first."""
        ids = [self.error_id] if self.errors else []
        return " ".join([*ids, self.help_id] if self.help else ids)

    @property
    def focus_id(self) -> str:
        """The id of the first thing in it that takes the focus."""
        if self.widget is Widget.FIELDSET and self.children:
            return self.children[0].focus_id
        if self.is_choice_group and self.choices:
            return self.choices[0].id
        return self.id

    @property
    def is_choice_group(self) -> bool:
        """Whether it is several inputs, one for each choice."""
        return self.widget in (Widget.RADIO, Widget.CHECKBOXES)

    @property
    def is_select(self) -> bool:
        return self.widget in (Widget.SELECT, Widget.TRISTATE, Widget.MULTISELECT)

    @property
    def is_textarea(self) -> bool:
        return self.widget in (Widget.LONG_TEXT, Widget.JSON, Widget.LINES)

    @property
    def group_attrs(self) -> dict[str, str | None]:
        """The ARIA attributes of the group of its inputs. Boxes are each a control of their own."""
        if self.widget is not Widget.RADIO:
            return {}
        attrs: dict[str, str | None] = {"role": "radiogroup"}
        if self.required:
            attrs["aria-required"] = "true"
        if self.errors:
            attrs["aria-invalid"] = "true"
        return attrs

    @property
    def input_attrs(self) -> dict[str, str | None]:
        """The attributes of each input of the group."""
        if self.widget is Widget.RADIO:
            return {"type": "radio", **self.attrs}
        return {"type": "checkbox"}

    @property
    def is_wide(self) -> bool:
        """Whether it takes the whole width, where others stand in pairs."""
        return bool(self.file_name) or (self.widget in _WIDE and not self.is_paired)
