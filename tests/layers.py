"""The layers of the project: which packages may import which others.

The layers of a package are listed from the highest to the lowest, one in each line. A module may
import from the lines below its own, and from its own part of its line. Parts of one line are
independent of each other. Each part of the package has to be in one of the lines.
"""

from __future__ import annotations

LAYERS: dict[str, str] = {
    "": """
        blazen_site
        approvals
        workflows
    """,
    "workflows": """
        urls apps
        management admin consumers templatetags
        server
        web
        worker
        observability retention
        sockets
        models
        realtime
        checks
        postgresql sqlite3
        sql text
        flows
        engine
        errors
    """,
    "workflows.engine": """
        workflow
        registry
        handler
        snapshot
        execution
        machine
        definition
        validation graph
        step
        context
        requests
        serialization
        events
        schemas
        errors
    """,
    "workflows.web": """
        views
        context_processors middleware
        attention_page
        run_page
        forms
        payload
        run_access pagination http answer_labels
    """,
    "workflows.worker": """
        worker
        handover steps
        group_commit
        active_runs
        active_run
        loading sweep
        commit
        heartbeat
        code_versions database_thread clock
    """,
    "approvals": """
        urls apps admin middleware management consumers templatetags
        views
        context_processors default_groups
        bulk_page
        live
        request_page inbox
        actions
        eligibility
        audit
        accounts
        models
        errors
    """,
}

FOR_TYPES_ALLOWED = ("workflows.models", "approvals.models")
"""Packages whose modules may import each other in a circle for types: models refer to models."""

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "workflows.engine": ("django", "channels", "asgiref", "workflows.errors"),
    "workflows.flows": ("django", "channels", "asgiref", "workflows.errors"),
}
"""External packages that these packages may not import."""
