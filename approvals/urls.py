"""The addresses of the inbox and its requests."""

from django.urls import path

from approvals.views import request_actions
from approvals.views.answered import answered
from approvals.views.bulk_decide import decide_many
from approvals.views.inbox import inbox
from approvals.views.request import decide, request
from approvals.views.rows import rows

app_name = "approvals"

urlpatterns = [
    path("", inbox, name="inbox"),
    path("requests/answered/", answered, name="answered"),
    path("requests/rows/", rows, name="rows"),
    path("requests/<uuid:request_id>/", request, name="request"),
    path("requests/decide/", decide_many, name="decide_many"),
    path("requests/<uuid:request_id>/decide/", decide, name="decide"),
    path("requests/<uuid:request_id>/claim/", request_actions.claim, name="claim"),
    path("requests/<uuid:request_id>/release/", request_actions.release, name="release"),
    path("requests/<uuid:request_id>/reassign/", request_actions.reassign, name="reassign"),
    path("requests/<uuid:request_id>/reask/", request_actions.reask, name="reask"),
    path("requests/<uuid:request_id>/comments/", request_actions.comments, name="comments"),
    path("requests/<uuid:request_id>/draft/", request_actions.draft, name="draft"),
    path("requests/<uuid:request_id>/undo/", request_actions.undo, name="undo"),
]
