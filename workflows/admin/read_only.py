"""Read-only admin pages for large tables.

These tables grow without limit. So a list has a limited count, does not load documents that it does
not show, and can be sorted only by an index. It has no `date_hierarchy`, because that reads the
whole table to find the years.
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
from workflows.text.invisible_characters import show_invisibles
from workflows.text.search_text import fold

COUNT_LIMIT = 10_000  # rows that a list counts and shows on its pages


class BoundedPaginator(Paginator[Any]):
    """Counts up to `COUNT_LIMIT` rows. Further rows can be found by filters and search."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, `COUNT_LIMIT` at most."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:COUNT_LIMIT].count()


class LeanChangeList(ChangeList):
    """A list that does not load the columns in `ModelAdmin.list_defer`, which are documents."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        """Return the rows of the page without documents."""
        assert isinstance(self.model_admin, ReadOnlyAdmin)
        return super().get_queryset(*args, **kwargs).defer(*self.model_admin.list_defer)

    @property
    def count_is_bounded(self) -> bool:
        """Return True if there may be more rows than were counted."""
        return bool(self.result_count >= COUNT_LIMIT)


@dataclass(frozen=True, slots=True)
class Related:
    """A link to the rows of `model` whose `lookup` is the primary key of a row."""

    model: type[Model]
    lookup: str

    def link(self, pk: Any) -> tuple[str, str]:
        """Return the address of the list of these rows, and a text with their number."""
        meta = self.model._meta
        rows = self.model._default_manager.filter(**{self.lookup: pk})
        count = rows.order_by()[: COUNT_LIMIT + 1].count()
        number = f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count)
        noun = meta.verbose_name if count == 1 else meta.verbose_name_plural
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        return f"{address}?{urlencode({self.lookup: pk})}", f"{number} {noun}"


def marked(response: HttpResponse) -> HttpResponse:
    """Show each hidden character of a page as its code point, after it was rendered."""

    def mark(rendered: SimpleTemplateResponse) -> None:
        rendered.content = show_invisibles(rendered.content.decode())

    if isinstance(response, SimpleTemplateResponse):
        response.add_post_render_callback(mark)
    return response


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Admin pages without add, change and delete.

    If the search text is a UUID, `uuid_lookups` are tried one after the other, so that rows are
    found by an index. `list_defer` are the columns that a list does not load. `page_fields` are the
    fields of the page of a row, from top to bottom. `related` are the lists that it links to.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    shows_requests: ClassVar[bool] = True
    """True if the rows hold, or may quote, what was asked of people."""
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    uuid_lookups: ClassVar[Sequence[str]] = ()
    list_defer: ClassVar[Sequence[str]] = ()
    page_fields: ClassVar[Sequence[str | Column]] = ()
    related: ClassVar[list[Related]] = []

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the list with hidden characters marked in all columns."""
        return marked(super().changelist_view(request, *args, **kwargs))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the page of a row with hidden characters marked, also in its title and path."""
        return marked(super().changeform_view(request, *args, **kwargs))

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the history of a row with hidden characters marked."""
        return marked(super().history_view(request, *args, **kwargs))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the class of the list, which loads no documents."""
        return LeanChangeList

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields of the page of a row."""
        return self.page_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return all fields of the page."""
        return self.page_fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a UUID by the indexes, and any other text in `search_fields`."""
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
        """Refuse people who may not see every request: these pages do not filter by person."""
        allowed: bool = super().has_view_permission(request, obj)
        return allowed and (not self.shows_requests or request.user.has_perm(Perm.SEE_ALL_REQUESTS))

    def _found(
        self, request: HttpRequest, rows: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for a text as it was typed, and in folded form in folded columns."""
        found, twice = super().get_search_results(request, rows, term)
        folded = fold(term)
        if folded == term:
            return found, twice
        more, again = super().get_search_results(request, rows, folded)
        return found | more, twice or again

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: only runs make rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: history cannot be edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: history cannot be deleted."""
        return False

    @admin.display(description="related")
    def related_links(self, row: Model) -> str:
        """Return links to the lists of rows that belong to this row."""
        links = [related.link(row.pk) for related in self.related]
        items = format_html_join("", '<li><a href="{}">{}</a></li>', links)
        return format_html('<ul class="related-links">{}</ul>', items)
