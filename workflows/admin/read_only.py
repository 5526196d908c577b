"""Pages for rows that are read and never rewritten, however many of them there are.

The tables behind these pages grow for ever. So a list counts no further than a person would page,
loads no document that it does not show, offers no sort without an index, and no `date_hierarchy`,
which reads the whole table to find its years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from workflows.admin.columns import Column
from workflows.models.permissions import Perm
from workflows.text.invisible_characters import visible
from workflows.text.search_text import fold

COUNT_LIMIT = 10_000  # rows that a list counts, and can be paged through


class BoundedPaginator(Paginator[Any]):
    """Counts up to `COUNT_LIMIT` rows; what lies beyond is found by filter and search."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, `COUNT_LIMIT` at most."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:COUNT_LIMIT].count()


class LeanChangeList(ChangeList):
    """A list that leaves out the columns in `ModelAdmin.list_defer`: whole documents."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        """Return the rows of the page without their documents."""
        assert isinstance(self.model_admin, ReadOnlyAdmin)
        return super().get_queryset(*args, **kwargs).defer(*self.model_admin.list_defer)

    @property
    def count_is_bounded(self) -> bool:
        """Say whether there may be more rows than were counted."""
        return bool(self.result_count >= COUNT_LIMIT)


@dataclass(frozen=True, slots=True)
class Related:
    """Rows of `model` that belong to a row: those whose `lookup` is its primary key."""

    model: type[Model]
    lookup: str

    def link(self, pk: Any) -> tuple[str, str]:
        """Return the address of the list of these rows, and words that say how many."""
        meta = self.model._meta
        rows = self.model._default_manager.filter(**{self.lookup: pk})
        count = rows.order_by()[: COUNT_LIMIT + 1].count()
        number = f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count)
        noun = meta.verbose_name if count == 1 else meta.verbose_name_plural
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        return f"{address}?{urlencode({self.lookup: pk})}", f"{number} {noun}"


def marked(response: HttpResponse) -> HttpResponse:
    """Have a page show each hidden character as its code point, once it is rendered."""

    def mark(rendered: SimpleTemplateResponse) -> None:
        rendered.content = visible(rendered.content.decode())

    if isinstance(response, SimpleTemplateResponse):
        response.add_post_render_callback(mark)
    return response


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows to find and to read: no add, no change, no delete.

    `uuid_lookups` are tried in turn when the search is a UUID, so that an id that was copied
    whole finds its rows by an index. `list_defer` is what a list does not load, `page_fields` what
    a row's page has, from top to bottom; `related` says which lists of other rows it links to.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    shows_requests: ClassVar[bool] = True
    """Whether the rows hold, or may quote, what was asked of people."""
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    uuid_lookups: ClassVar[Sequence[str]] = ()
    list_defer: ClassVar[Sequence[str]] = ()
    page_fields: ClassVar[Sequence[str | Column]] = ()
    related: ClassVar[list[Related]] = []

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the list with hidden characters marked, in whatever column they stand."""
        return marked(super().changelist_view(request, *args, **kwargs))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the page of a row, likewise: its title and the way to it show the row, too."""
        return marked(super().changeform_view(request, *args, **kwargs))

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the history of a row, likewise."""
        return marked(super().history_view(request, *args, **kwargs))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that loads no documents."""
        return LeanChangeList

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what the page of a row shows."""
        return self.page_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return all that the page shows."""
        return self.page_fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a UUID by the indexes, anything else in the text of `search_fields`."""
        try:
            uuid = UUID(search_term.strip())
        except ValueError:
            return self._found(request, queryset, search_term)
        # One after the other: each goes by its index, which one query with OR would not.
        for lookup in self.uuid_lookups:
            found = queryset.filter(**{lookup: uuid})
            if found.exists():
                return found, False
        return queryset.none(), False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to whoever may not see every request: no row here asks for whom it was meant."""
        allowed: bool = super().has_view_permission(request, obj)
        return allowed and (not self.shows_requests or request.user.has_perm(Perm.SEE_ALL_REQUESTS))

    def _found(
        self, request: HttpRequest, rows: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a text as it was typed, and as folded columns have it."""
        found, twice = super().get_search_results(request, rows, term)
        folded = fold(term)
        if folded == term:
            return found, twice
        more, again = super().get_search_results(request, rows, folded)
        return found | more, twice or again

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows come from runs."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what happened is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what happened is not deleted."""
        return False

    @admin.display(description="related")
    def related_links(self, row: Model) -> str:
        """Return links to the lists of rows that belong to this one."""
        links = [related.link(row.pk) for related in self.related]
        items = format_html_join("", '<li><a href="{}">{}</a></li>', links)
        return format_html('<ul class="related-links">{}</ul>', items)
