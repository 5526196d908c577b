"""Forms of a person's own account."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from approvals.models import Preferences


def zone_choices() -> list[tuple[str, str]]:
    """Return every time zone of the machine as (name, label), in alphabetical order."""
    names = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    return [(name, name.replace("_", " ")) for name in names]


class LoginForm(AuthenticationForm):
    """The login form, which says "name" instead of Django's "username"."""

    error_messages = {
        "invalid_login": "Wrong name or password. Both are case-sensitive.",
        "inactive": "This account was closed.",
    }


class PreferencesForm(forms.ModelForm[Preferences]):
    """The time zone of the pages, and whether keyboard shortcuts are on."""

    class Meta:
        model = Preferences
        fields = ("time_zone", "keys_on")
        labels = {"keys_on": "Use keyboard shortcuts"}
        help_texts = {
            "time_zone": "Times on every page are shown in this zone.",
            "keys_on": "j and k walk through a list, a and r go to Approve and Reject; ? shows all"
            " of them. Turn them off if they get in the way of a screen reader or of dictation.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(
            choices=[("", "The zone of the browser"), *zone_choices()],
            label="Time zone",
            required=False,
            help_text=self.fields["time_zone"].help_text,
        )
