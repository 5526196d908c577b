"""The Django application `approvals`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ApprovalsConfig(AppConfig):
    """Permissions, decisions and the inbox."""

    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, the sealing of decisions in workers, and the default groups."""
        from approvals.accounts import checks  # noqa: F401
        from approvals.audit.seals import Sealer
        from approvals.default_groups import make_groups
        from approvals.eligibility.reminders import still_deciding
        from workflows.worker.sweep.reminders import STILL_DECIDING
        from workflows.worker.sweep.sweep import CHORES

        post_migrate.connect(make_groups, sender=self)
        CHORES.append(Sealer())
        STILL_DECIDING.append(still_deciding)
