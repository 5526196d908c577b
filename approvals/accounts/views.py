"""The account pages that Django does not bring along."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_http_methods

from approvals.accounts.forms import PreferencesForm
from approvals.models import Preferences


class PasswordChange(PasswordChangeView):
    """Change one's own password; other sessions of the same person end with it."""

    success_url = reverse_lazy("accounts:account")

    def get_success_url(self) -> str:
        """Return to the account page, with a word that it worked."""
        messages.success(self.request, "Your password was changed.")
        return super().get_success_url()


@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show and store one's preferences; 422 with the form if something in it is none."""
    assert request.user.is_authenticated
    preferences, _ = Preferences.objects.get_or_create(user=request.user)
    form = PreferencesForm(request.POST or None, instance=preferences)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"Saved. {said(form)}")
        return redirect("accounts:account")
    status = 422 if form.errors else 200
    return render(request, "registration/account.html", {"form": form}, status=status)


def said(form: PreferencesForm) -> str:
    """Return what a change of preferences does to the pages."""
    row, words = form.instance, []
    if "time_zone" in form.changed_data:
        words.append(f"Times are now shown in {row.time_zone or 'the zone of the browser'}.")
    if "keys_on" in form.changed_data:
        words.append(f"Single keys are now {'on' if row.keys_on else 'off'}.")
    return " ".join(words)


@login_not_required
def admin_login(request: HttpRequest) -> HttpResponse:
    """Send the admin's visitors to the one login; 403 for a person who is logged in and not staff.

    Sending that person to the login as well would send them back and forth for ever.
    """
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
