"""What a person may change about their own account."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms

from approvals.models import Preferences


def zone_choices() -> list[tuple[str, str]]:
    """Return every time zone of the machine as (name, words), in alphabetical order."""
    names = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    return [(name, name.replace("_", " ")) for name in names]


class PreferencesForm(forms.ModelForm[Preferences]):
    """The time zone that times are shown in."""

    class Meta:
        model = Preferences
        fields = ("time_zone",)
        help_texts = {"time_zone": "Times on every page are shown in this zone."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(
            choices=zone_choices(),
            label="Time zone",
            help_text=self.fields["time_zone"].help_text,
        )
