"""Which room answers which address."""

from django.contrib import admin
from django.urls import include, path

from approvals.accounts.views import admin_login
from workflows.views.health import health

urlpatterns = [
    path("healthz", health, name="healthz"),
    path("accounts/", include("approvals.accounts.urls")),
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
    path("", include("workflows.urls")),
    path("", include("approvals.urls")),
]
