from typing import Any

from django.db import migrations

from workflows.text.search_text import fold, fold_tags

BATCH = 500


def fold_rows(apps: Any, schema_editor: Any) -> None:
    """Fill in what is searched, some rows at a time and in the order of their keys."""
    requests = apps.get_model("workflows", "InputRequest").objects.order_by("pk")
    rows = list(requests.only("prompt", "tags")[:BATCH])
    while rows:
        for row in rows:
            row.search_text, row.search_tags = fold(row.prompt), fold_tags(row.tags)
        requests.bulk_update(rows, ["search_text", "search_tags"])
        rows = list(requests.filter(pk__gt=rows[-1].pk).only("prompt", "tags")[:BATCH])


class Migration(migrations.Migration):
    # Each batch by itself: no lock on the table, and no transaction that lasts for all of it.
    atomic = False

    dependencies = [
        ("workflows", "0010_search_folded"),
    ]

    operations = [
        migrations.RunPython(fold_rows, migrations.RunPython.noop, elidable=True),
    ]
