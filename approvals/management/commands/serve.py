"""`manage.py serve`: the whole product in one process. `make run` calls it."""

from __future__ import annotations

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from workflows.server.allocator import limit_areas
from workflows.server.data_dir_lock import DataDirLock, DataDirLocked
from workflows.server.listening_socket import PortInUse, keep, listening_socket
from workflows.server.reloader import CodeWatcher, source_folders


class Command(BaseCommand):
    """Prepares the data folder, then serves pages, sockets and the worker until stopped."""

    help = (
        "Serve pages, sockets and the worker in one process, on 127.0.0.1. Applies migrations "
        "first; in DEBUG, makes demo accounts at the first start and reloads when code changes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the port and the option that turns off reloading."""
        parser.add_argument(
            "--port", type=int, default=settings.PORT,
            help="the port to listen on, 0 for any free one (default: PORT, else 8000)",
        )  # fmt: skip
        parser.add_argument(
            "--noreload", action="store_true", help="do not reload when code changes in DEBUG"
        )

    def handle(self, *, port: int, noreload: bool, **options: Any) -> None:
        """Serve; exit 0 after SIGTERM or Ctrl-C, 1 if it could not start or its worker failed."""
        lock = DataDirLock(settings.DATA_DIR)
        try:
            lock.acquire()
            listener = listening_socket(port)
        except (DataDirLocked, PortInUse) as error:
            lock.release()
            raise CommandError(str(error)) from None
        limit_areas()
        self.prepare()
        reload = self.serve(listener, watch=settings.DEBUG and not noreload)
        if reload:
            connections.close_all()
            keep(listener)
            # The process replaces itself with the new code and keeps its id.
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

    def prepare(self) -> None:
        """Migrate the database, collect static files, run the checks, and create demo data."""
        self.migrate()
        self.check(databases=["default"])
        if settings.DEBUG:
            self.create_demo_data()
        else:
            call_command("collectstatic", interactive=False, verbosity=0)

    def migrate(self) -> None:
        """Apply migrations if there are new ones. Checking this is fast."""
        executor = MigrationExecutor(connections["default"])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.say("Preparing the database…")
            call_command("migrate", interactive=False, verbosity=0)

    def create_demo_data(self) -> None:
        """Make the demo accounts and runs at the first start, and print them."""
        from approvals.accounts import demo

        if not demo.is_first_start():
            return
        runs = demo.create_demo_data()
        reviewers = " and ".join(demo.REVIEWERS)
        self.say(
            f"First start: made the accounts {reviewers} (reviewers) and {demo.ADMIN} "
            f"(superuser), all with the password {demo.PASSWORD!r},\n"
            f"and started {runs} example runs that will ask for your decision."
        )

    def serve(self, listener: socket.socket, *, watch: bool) -> bool:
        """Serve until stopped; return True if changed code is to be loaded."""
        from workflows.server.server import EmbeddedServer  # installs Twisted's reactor

        reloads: list[bool] = []

        def reload() -> None:
            reloads.append(True)
            server.stop()

        server = EmbeddedServer(listener, ready=lambda: self.greet(listener, watch=watch))
        watcher = CodeWatcher(source_folders(), reload=reload, say=self.say)
        if watch:
            watcher.start()
        server.run()
        watcher.stop()
        if server.failed:
            raise CommandError("The server stopped because its worker failed; see the log above.")
        if reloads and not server.was_told_to_end:
            return True
        self.say("Stopped.")
        return False

    def greet(self, listener: socket.socket, *, watch: bool) -> None:
        """Print the address of the pages."""
        host, port = listener.getsockname()
        hint = "Ctrl-C stops it, a change of the code reloads it" if watch else "Ctrl-C stops it"
        self.say(f"Serving http://{host}:{port}/  ({hint}.)")

    def say(self, text: str) -> None:
        """Write a line at once, also if the output is a file or a pipe."""
        self.stdout.write(text)
        self.stdout.flush()
