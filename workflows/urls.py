"""The addresses of runs and workflows."""

from django.urls import path, re_path

from workflows.web.views import attention, catalogue, run, run_actions, run_list

app_name = "workflows"

urlpatterns = [
    path("runs/", run_list.runs, name="runs"),
    path("runs/attention/", attention.attention, name="attention"),
    path("runs/<uuid:run_id>/", run.run, name="run"),
    path("runs/<uuid:run_id>/snapshot.json", run.snapshot, name="snapshot"),
    re_path(
        r"^runs/(?P<run_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(?P<action>cancel|pause|resume|retry)/$",
        run_actions.run_action,
        name="run_action",
    ),
    path("workflows/", catalogue.workflows, name="workflows"),
    # A name may contain slashes: "letters/monthly".
    path("workflows/<path:name>/start/", catalogue.start, name="start"),
    path("workflows/<path:name>/", catalogue.workflow, name="workflow"),
]
