"""The sockets of pages about runs."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.urls import path

from workflows.models import WorkflowRun
from workflows.realtime.consumer import RefreshConsumer
from workflows.realtime.publisher import run_group


class RunConsumer(RefreshConsumer):
    """The socket of an open run page, which fetches again after each change of its run."""

    async def groups_for(self) -> list[str]:
        """Return the group of the run in the address."""
        return [run_group(self.scope["url_route"]["kwargs"]["run_id"])]

    def allowed(self, user: User) -> bool:
        """Return True if `user` may see the run."""
        run_id = self.scope["url_route"]["kwargs"]["run_id"]
        return WorkflowRun.objects.visible_to(user).filter(pk=run_id).exists()


websocket_urlpatterns = [path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi())]
