"""The account pages that Django does not have."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import (
    LoginView,
    LogoutView,
    PasswordChangeView,
    redirect_to_login,
)
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_http_methods

from approvals.accounts.forms import LoginForm, PreferencesForm
from approvals.accounts.unsent_forms.unsent_form import KEY, kept, report_after_login, unseal
from approvals.models import Preferences
from workflows.web.http import typed_before


class Login(LoginView):
    """The login page. It tells what happened to a form that could not be sent before.

    A person who is logged in is redirected. A posted name and password log that person in.
    """

    authentication_form = LoginForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form, or redirect a person who is logged in."""
        if request.user.is_authenticated:
            return HttpResponseRedirect(self.get_success_url())
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in, and add a message about a kept form."""
        response = super().form_valid(form)
        self.request.session.set_expiry(None)  # a kept form has a page of its own
        report_after_login(self.request)
        unsent = kept(self.request)
        if unsent is not None and not self.get_redirect_url():  # too long for `next`
            return HttpResponseRedirect(unsent.page)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add whether there is a kept form."""
        context = super().get_context_data(**kwargs)
        leads_back = context["next"] not in ("", "/") and not context["form"].errors
        return context | {"waits": KEY in self.request.session, "leads_back": leads_back}


class Logout(LogoutView):
    """The log-out. A form of another person is kept for their next log-in (`_unsent`)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the login."""
        response = super().post(request, *args, **kwargs)
        if "_unsent" in request.POST:
            unseal(request, request.POST["_unsent"])
        return response


class PasswordChange(PasswordChangeView):
    """Change one's own password. This ends the other sessions of the person."""

    success_url = reverse_lazy("accounts:account")

    def get_success_url(self) -> str:
        """Redirect to the account page, with a message of success."""
        messages.success(self.request, "Your password was changed.")
        return super().get_success_url()


@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show and store one's preferences; 422 with the form if a value is not valid."""
    assert request.user.is_authenticated
    preferences, _ = Preferences.objects.get_or_create(user=request.user)
    form = PreferencesForm(request.POST or None, instance=preferences)
    typed = typed_before(request, "accounts:account")
    if typed is not None:  # it is shown as it was typed, without errors
        form.initial["time_zone"] = typed.get("time_zone")
        form.initial["keys_on"] = "keys_on" in typed
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"Saved. {summary_of(form)}")
        return redirect("accounts:account")
    status = 422 if form.errors else 200
    return render(request, "registration/account.html", {"form": form}, status=status)


def summary_of(form: PreferencesForm) -> str:
    """Return a message about the effect of the changed preferences."""
    row, words = form.instance, []
    if "time_zone" in form.changed_data:
        words.append(f"Times are now shown in {row.time_zone or 'the zone of the browser'}.")
    if "keys_on" in form.changed_data:
        words.append(f"Keyboard shortcuts are now {'on' if row.keys_on else 'off'}.")
    return " ".join(words)


@login_not_required
def admin_login(request: HttpRequest) -> HttpResponse:
    """Redirect the admin's visitors to the login page; 403 for a logged-in person who is not staff.

    Redirecting that person to the login, too, would cause an endless loop.
    """
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
