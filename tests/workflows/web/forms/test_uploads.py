"""A start form accepts a file instead of typed text. The error names where a file is not text."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from pydantic import BaseModel, Field

from workflows.web.forms import SchemaForm


class StartExpenses(BaseModel):
    claims: str = Field(json_schema_extra={"contentMediaType": "text/csv"})
    title: str = Field(default="November", max_length=40)


def files(name: str, content: bytes) -> MultiValueDict[str, UploadedFile[Any]]:
    return MultiValueDict({name: [SimpleUploadedFile("claims.csv", content)]})


def form(posted: str = "claims=&title=May") -> SchemaForm:
    return SchemaForm(StartExpenses.model_json_schema(), data=QueryDict(posted), uploads=True)


def test_only_long_texts_offer_a_file() -> None:
    claims, title = form().fields
    assert claims.file_name == "_file.claims"
    assert claims.file_types == ".csv,text/csv"
    assert title.file_name == ""
    assert form().has_uploads
    assert not SchemaForm(StartExpenses.model_json_schema()).has_uploads


def test_a_file_is_read_unchanged_but_without_its_byte_order_mark() -> None:
    content = "\ufeffname,sum\r\nJörg,1\r\n".encode()
    drawn = form()
    answer = drawn.answer(files("_file.claims", content))
    assert answer == {"claims": "name,sum\r\nJörg,1\r\n", "title": "May"}
    assert drawn.fields[0].value == "name,sum\r\nJörg,1\r\n"


def test_a_wrong_encoding_names_the_byte_and_the_line() -> None:
    drawn = form()
    drawn.answer(files("_file.claims", b"name,sum\nJ\xf6rg,1\n"))
    assert drawn.has_errors
    assert drawn.fields[0].errors == [
        "The file claims.csv is not UTF-8: byte 0xf6 at offset 10, line 2. "
        "Save it as UTF-8 and choose it again."
    ]


def test_a_file_beyond_the_limit_is_refused_at_its_field() -> None:
    drawn = form()
    drawn.answer(files("_file.claims", b"x" * 101), max_upload_bytes=100)
    assert "more than the 100 bytes" in drawn.fields[0].errors[0]


def test_a_file_for_another_field_is_ignored() -> None:
    answer = form().answer(files("_file.title", b"nothing"))
    assert answer["title"] == "May"


def test_pydantic_adds_nothing_where_the_file_could_not_be_read() -> None:
    drawn = form("title=May")
    drawn.answer(files("_file.claims", b"\xff"))
    drawn.set_errors([{"loc": ("claims",), "msg": "Field required", "type": "missing"}])
    assert len(drawn.fields[0].errors) == 1
