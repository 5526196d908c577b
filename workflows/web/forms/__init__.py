"""Forms made from typed replies and start events, by their JSON Schema."""

from workflows.web.forms.field import Field
from workflows.web.forms.form import SchemaForm

__all__ = ["Field", "SchemaForm"]
