"""Forms made from typed replies and start events, by their JSON Schema."""

from workflows.forms.field import Field
from workflows.forms.form import SchemaForm

__all__ = ["Field", "SchemaForm"]
