"""The Django application `workflows`."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class WorkflowsConfig(AppConfig):
    """Runs, their rows, and the worker."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import the `flows` module of every installed app, as Django does with `admin`."""
        import_module("workflows.checks")  # registers itself
        import_module("workflows.sockets.signals").connect()
        autodiscover_modules("flows")
