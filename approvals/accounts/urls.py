"""Login, logout, password, time zone: `/accounts/`."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from approvals.accounts import views
from approvals.accounts.forms import LoginForm

app_name = "accounts"

urlpatterns = [
    path("", views.account, name="account"),
    path(
        "login/",
        LoginView.as_view(authentication_form=LoginForm, redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", views.PasswordChange.as_view(), name="password"),
]
