"""The metaclass of events. A class may set a default of a request option in any spelling.

`quorum: int = 2`, `quorum: ClassVar = 2` and plain `quorum = 2` in a request class all give the
field `quorum` the default 2. Pydantic itself drops a field that is declared as ClassVar, and
refuses one without an annotation.
"""

from __future__ import annotations

from copy import copy, deepcopy
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ValidationError

from workflows.engine.schemas.unknown_fields import UNKNOWN

DECIDING = ("four_eyes", "quorum", "assign_to")
"""Options about who decides. A class attribute with almost the same name is refused."""

MISSING = object()

if TYPE_CHECKING:  # pydantic does not export them; at run time both are found by BaseModel
    from pydantic._internal._model_construction import ModelMetaclass

    ModelNamespace = dict[str, object]
else:
    ModelMetaclass = type(BaseModel)
    ModelNamespace = type(ModelMetaclass.__prepare__("Event", (BaseModel,)))


class EventNamespace(ModelNamespace):
    """The body of an event class. Values for the fields in `options` are stored in `given`.

    `extra` is the default of what the class does with unknown fields.
    """

    def __init__(self, cls: str, options: frozenset[str], extra: str | None) -> None:
        super().__init__()
        self.cls = cls
        self.options = options
        self.extra = extra
        self.given: dict[str, Any] = {}
        if extra:
            super().__setitem__("model_config", {"extra": extra})

    def __setitem__(self, name: str, value: object) -> None:
        is_plain = not isinstance(value, FieldInfo) and not hasattr(type(value), "__get__")
        if is_plain and name in self.options:
            self.given[name] = value
            return
        if is_plain:
            check_attribute(self.cls, name, self.options)
        if name == "model_config" and self.extra and isinstance(value, dict):
            value = {"extra": self.extra, **value}
        super().__setitem__(name, value)


class EventType(ModelMetaclass):
    """The metaclass of event classes.

    Subclasses of a class with `class_options` may set the defaults of these fields in any spelling.
    A class with `open_itself` takes unknown fields; its subclasses take them only if they set
    `extra`.
    """

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **kwargs: Any) -> EventNamespace:
        options = options_of(bases)
        closed = any(base.__dict__.get("open_itself", False) for base in bases)
        return EventNamespace(name, options, "forbid" if closed and "extra" not in kwargs else None)

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: Any, **kwargs: Any) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        model: Any = cls
        given: dict[str, Any] = getattr(namespace, "given", {})
        options = options_of(bases)  # a namespace passed to `type()` has none
        for attribute in (*model.__pydantic_fields__, *model.__class_vars__):
            check_attribute(name, attribute, options)
        for option, value in given.items():
            field = model.__pydantic_fields__.get(option) or _inherited(bases, option)
            model.__pydantic_fields__[option] = _with_default(field, value)
            model.__class_vars__.discard(option)
        if given:
            model.model_rebuild(force=True, raise_errors=False)

    def __setattr__(cls, name: str, value: Any) -> None:
        """Raise TypeError for an option, because setting it on a finished class has no effect."""
        if name in getattr(cls, "class_options", ()):
            raise TypeError(
                f"{cls.__name__}.{name} cannot be set any more; write {name!r} into the class."
            )
        super().__setattr__(name, value)


def options_of(bases: tuple[type, ...]) -> frozenset[str]:
    """Return the fields whose defaults a class with these bases may set in any spelling."""
    return frozenset(key for base in bases for key in getattr(base, "class_options", ()))


def _inherited(bases: tuple[type, ...], option: str) -> FieldInfo:
    found = (getattr(base, "__pydantic_fields__", {}).get(option) for base in bases)
    field: FieldInfo = next(one for one in found if one is not None)
    return field


def _with_default(field: FieldInfo, value: Any) -> FieldInfo:
    """Return the field with this default, which is checked like a value from a step."""
    field = copy(field)
    field.default, field.default_factory, field.validate_default = value, None, True
    return field


def check_attribute(cls: str, name: str, options: frozenset[str]) -> None:
    """Raise TypeError for a name that is almost the name of an option about who decides."""
    if not options or name in options:
        return
    for near in get_close_matches(name, DECIDING, n=1, cutoff=0.8):
        raise TypeError(
            f"{cls} has {name!r}, which is no option of a request; did you mean {near!r}? "
            "If it is a field of your own, give it another name."
        )


def without_unknown_fields(data: Any, error: ValidationError) -> Any:
    """Return stored JSON without the fields that `error` reports as unknown; else raise `error`."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if any(one["type"] != UNKNOWN for one in faults):
        raise error
    data = deepcopy(data)
    for one in faults:
        *way, name = one["loc"]
        place = data
        for key in way:
            known = isinstance(place, list) or (isinstance(place, dict) and key in place)
            place = place[key] if known else None
        if not isinstance(place, dict) or place.pop(name, MISSING) is MISSING:
            raise error
    return data
