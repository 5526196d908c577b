"""The inbox and its requests."""

from django.urls import path

from approvals.views.answered import answered
from approvals.views.inbox import inbox
from approvals.views.request import decide, request

app_name = "approvals"

urlpatterns = [
    path("", inbox, name="inbox"),
    path("requests/answered/", answered, name="answered"),
    path("requests/<uuid:request_id>/", request, name="request"),
    path("requests/<uuid:request_id>/decide/", decide, name="decide"),
]
