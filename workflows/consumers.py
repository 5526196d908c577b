"""The sockets of pages about runs."""

from __future__ import annotations

from django.urls import path

from workflows.models import WorkflowRun
from workflows.models.permissions import Perm
from workflows.models.requests.audience import Viewer
from workflows.realtime.messages import run_group
from workflows.sockets.refresh_consumer import RefreshConsumer


class RunConsumer(RefreshConsumer):
    """The socket of an open run page, which reads again after each change of its run."""

    def groups_for(self) -> list[str]:
        """Return the group of the run in the address."""
        return [run_group(self.scope["url_route"]["kwargs"]["run_id"])]

    def may_see(self, viewer: Viewer) -> bool:
        """Return True if the person may see the run."""
        if viewer.has_perm(Perm.SEE_ALL_RUNS):
            return True
        run_id = self.scope["url_route"]["kwargs"]["run_id"]
        return WorkflowRun.objects.visible_to(viewer).filter(pk=run_id).exists()


websocket_urlpatterns = [path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi())]
