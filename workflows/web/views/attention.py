"""What will not go on unless somebody does something, and what that is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workflows.web.attention_page import AttentionPage
from workflows.web.http import current_user, is_fragment


@require_safe
def attention(request: HttpRequest) -> HttpResponse:
    """Show failed, blocked and failing runs, and requests that nobody active may answer."""
    template = "runs/attention/page.html"
    if is_fragment(request):
        template += "#rows"
    return render(request, template, {"page": AttentionPage.of(current_user(request))})
