"""The author of a run: who started it. It is never changed, because four eyes depend on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from workflows.models.runs.run import WorkflowRun

AUTHOR = frozenset({"started_by", "started_by_id", "started_by_name", "is_repeat"})
MAX_NAME_LENGTH = 254


class AuthorIsFinal(TypeError):
    """Who started a run is never changed."""

    def __init__(self) -> None:
        super().__init__("Who started a run is kept for good: it is never changed or removed.")


def refuse_authors(columns: Collection[str]) -> None:
    """Raise `AuthorIsFinal` if a change of these columns would change who started a run."""
    if not AUTHOR.isdisjoint(columns):
        raise AuthorIsFinal


def check_user(by: object) -> None:
    """Raise TypeError if `by` is neither a user nor None. A user name is not accepted."""
    if by is not None and not isinstance(by, get_user_model()):
        raise TypeError(f"by takes a user, not {by!r}; or None, if the system starts the run.")


class Authored(models.Model):
    """The columns of a run for its author. They are written once, at the start.

    `started_by_name` is the name of the person at that time, empty in rows of older code. If
    `is_repeat` is True, `RunAuthor` has the authors of the run that this one repeats.
    """

    started_by = models.ForeignKey(  # an index of the run begins with it
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="workflow_runs",
        db_index=False,
    )
    started_by_name = models.CharField(
        max_length=MAX_NAME_LENGTH, blank=True, default="", db_default=""
    )
    is_repeat = models.BooleanField(default=False, db_default=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; raise `AuthorIsFinal` if a row that exists would get another author."""
        if not self._state.adding:
            self._check_author(kwargs.get("update_fields"))
        super().save(*args, **kwargs)

    def has_author(self, user: User | AnonymousUser) -> bool:
        """Return True if `user` started this run, or one that it repeats."""
        if user.pk is None or self.started_by_id == user.pk:
            return user.pk is not None
        return self.is_repeat and RunAuthor.objects.filter(run=self.pk, user=user.pk).exists()

    def _check_author(self, fields: Iterable[str] | None) -> None:
        if fields is not None and AUTHOR.isdisjoint(fields):
            return
        columns = ("started_by_id", "started_by_name", "is_repeat")
        kept = type(self)._base_manager.filter(pk=self.pk).values_list(*columns).first()
        if kept is not None and kept != tuple(getattr(self, name) for name in columns):
            raise AuthorIsFinal


class RunAuthorQuerySet(models.QuerySet["RunAuthor"]):
    """Query sets of authors. They refuse to edit or delete rows, too."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse: who started a run is never changed."""
        raise AuthorIsFinal

    def delete(self) -> NoReturn:
        """Refuse: who started a run is kept as long as the run."""
        raise AuthorIsFinal


class RunAuthor(models.Model):
    """A person who started a run that `run` repeats, directly or through other repeats."""

    run = models.ForeignKey(
        "workflows.WorkflowRun", models.CASCADE, related_name="earlier_authors", db_index=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    name = models.CharField(max_length=MAX_NAME_LENGTH)

    objects = RunAuthorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "user"], name="author_once_a_run"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.run_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raise `AuthorIsFinal` if the row exists."""
        if not self._state.adding:
            raise AuthorIsFinal
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: who started a run is kept as long as the run."""
        raise AuthorIsFinal

    @classmethod
    def handed_on(cls, repeated: WorkflowRun, by: User | None) -> list[RunAuthor]:
        """Return unsaved rows for all authors of `repeated`, also the earlier ones, but `by`."""
        people = {one.user_id: one.name for one in cls.objects.filter(run=repeated.pk)}
        if repeated.started_by is not None:
            name = repeated.started_by_name or repeated.started_by.get_username()
            people[repeated.started_by.pk] = name
        if by is not None:
            people.pop(by.pk, None)
        return [cls(user_id=pk, name=name) for pk, name in people.items()]
