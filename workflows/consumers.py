"""The sockets of pages about runs, and the ear of the worker."""

from __future__ import annotations

from typing import Any

from channels.consumer import AsyncConsumer
from django.contrib.auth.models import User
from django.urls import path

from workflows.models import WorkflowRun
from workflows.realtime import publisher
from workflows.realtime.consumer import NudgeConsumer


class WorkerConsumer(AsyncConsumer):
    """Hears the bell for this process's driver. It only schedules: a handler that raised or
    waited would lose the messages behind it."""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle a message at once: Channels would look after database connections first, in a
        thread, and this consumer has none."""
        if message["type"] == "look":
            await self.look(message)

    async def look(self, message: dict[str, Any]) -> None:
        """Let the driver look at the rows soon."""
        if publisher.Home.ring is not None:
            publisher.Home.ring()


class RunConsumer(NudgeConsumer):
    """An open run page: told to look again whenever its run has changed."""

    async def groups_for(self) -> list[str]:
        """Return the group of the run that the address names."""
        return [publisher.run_group(self.scope["url_route"]["kwargs"]["run_id"])]

    def allowed(self, user: User) -> bool:
        """Say whether `user` may see the run."""
        run_id = self.scope["url_route"]["kwargs"]["run_id"]
        return WorkflowRun.objects.visible_to(user).filter(pk=run_id).exists()


websocket_urlpatterns = [path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi())]
