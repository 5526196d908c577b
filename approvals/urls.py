"""The inbox and its requests."""

from django.urls import path

from approvals.views import acts
from approvals.views.answered import answered
from approvals.views.bulk import decide_many
from approvals.views.inbox import inbox
from approvals.views.request import decide, request

app_name = "approvals"

urlpatterns = [
    path("", inbox, name="inbox"),
    path("requests/answered/", answered, name="answered"),
    path("requests/<uuid:request_id>/", request, name="request"),
    path("requests/decide/", decide_many, name="decide_many"),
    path("requests/<uuid:request_id>/decide/", decide, name="decide"),
    path("requests/<uuid:request_id>/claim/", acts.claim, name="claim"),
    path("requests/<uuid:request_id>/release/", acts.release, name="release"),
    path("requests/<uuid:request_id>/reassign/", acts.reassign, name="reassign"),
    path("requests/<uuid:request_id>/reask/", acts.reask, name="reask"),
    path("requests/<uuid:request_id>/comments/", acts.comments, name="comments"),
    path("requests/<uuid:request_id>/draft/", acts.draft, name="draft"),
    path("requests/<uuid:request_id>/undo/", acts.undo, name="undo"),
]
