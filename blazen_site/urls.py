"""The addresses of the apps."""

from django.contrib import admin
from django.urls import include, path

from approvals.accounts.views import admin_login
from workflows.web.views.health import health
from workflows.web.views.metrics import metrics
from workflows.web.views.readiness import ready

urlpatterns = [
    path("healthz", health, name="healthz"),
    path("readyz", ready, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("accounts/", include("approvals.accounts.urls")),
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
    path("", include("workflows.urls")),
    path("", include("approvals.urls")),
]
