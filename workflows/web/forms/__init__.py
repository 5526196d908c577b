"""The forms of requests, replies and start events, all drawn by templates/forms."""

from workflows.web.forms.base import Form
from workflows.web.forms.field import Field
from workflows.web.forms.form import SchemaForm

__all__ = ["Field", "Form", "SchemaForm"]
