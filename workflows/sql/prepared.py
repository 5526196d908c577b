"""Statements whose SQL the ORM builds once, and that are executed many times with other values.

Building a statement takes Django several times as long as the database needs to execute it. So the
SQL of the statements that each answer needs is kept. The ORM makes it from the same conditions as
elsewhere, with a `Parameter` in place of each value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression
from django.db.models.query import get_related_populators
from django.db.models.sql import DeleteQuery, UpdateQuery

from workflows.sql.chained import Statement


class Parameter(Expression):
    """A value that is passed by this name when the statement is run, converted by this field."""

    def __init__(self, name: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, *_: Any, **__: Any) -> Any:
        """Return the parameter itself in place of a value."""
        return "%s", [self]

    def bind(self, values: dict[str, Any], own: BaseDatabaseWrapper) -> Any:
        """Return the value in the form that the database takes."""
        return self.field.get_db_prep_save(values[self.name], own)


class CompiledQuery(NamedTuple):
    """A statement that the ORM has built: its SQL, and its values or parameters."""

    sql: str
    params: Sequence[Any]
    compiler: Any


class PreparedQuery:
    """A statement that is built once. `write` makes its queryset with parameters at the first run.

    With `setting` it is an UPDATE of these columns, with `delete` a DELETE.
    """

    def __init__(
        self,
        write: Callable[[], models.QuerySet[Any]],
        *,
        setting: Callable[[], dict[str, Any]] | None = None,
        delete: bool = False,
    ) -> None:
        self._write = write
        self._setting = setting
        self._delete = delete

    @cached_property
    def _converters(self) -> Any:
        compiler = self._compiled.compiler
        return compiler.get_converters([one[0] for one in compiler.select])

    @cached_property
    def _compiled(self) -> CompiledQuery:
        query = self._write().query
        if self._setting is not None:
            query = query.chain(UpdateQuery)
            query.add_update_values(self._setting())  # type: ignore[attr-defined]
        elif self._delete:
            query = query.chain(DeleteQuery)
        compiler = query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        return CompiledQuery(sql, params, compiler)

    def run(self, **values: Any) -> int:
        """Run an UPDATE or a DELETE and return the number of changed rows."""
        with connection.cursor() as cursor:
            cursor.execute(self._compiled.sql, self._bind(values))
            return int(cursor.rowcount)

    def statement(self, **values: Any) -> Statement:
        """Return an UPDATE or a DELETE with these values, for a chain of statements."""
        return Statement(self._compiled.sql, self._bind(values))

    def fetch(self, **values: Any) -> list[Any]:
        """Run a SELECT and return its objects, with the objects of `select_related`."""
        try:
            compiled = self._compiled
        except EmptyResultSet:  # no row meets these conditions, whatever the values
            return []
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, self._bind(values))
            rows = cursor.fetchall()
        return [self._object(row) for row in self._converted(rows)]

    def _bind(self, values: dict[str, Any]) -> list[Any]:
        own = connections[connection.alias]  # the proxy takes longer than a conversion
        return [
            one.bind(values, own) if isinstance(one, Parameter) else one
            for one in self._compiled.params
        ]

    def _converted(self, rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
        own = connections[connection.alias]
        for row in rows:
            columns = list(row)
            for place, (converters, expression) in self._converters.items():
                for convert in converters:
                    columns[place] = convert(columns[place], expression, own)
            yield columns

    def _object(self, row: Sequence[Any]) -> Any:
        """Build one object, as `ModelIterable` does."""
        compiler = self._compiled.compiler
        info, select = compiler.klass_info, compiler.select
        places = info["select_fields"]
        names = [select[place][0].target.attname for place in places]
        made = info["model"].from_db("default", names, row[places[0] : places[-1] + 1])
        for populator in get_related_populators(info, select, "default"):  # type: ignore[call-arg]
            populator.populate(row, made)
        return made
