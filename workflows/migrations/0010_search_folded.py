from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("workflows", "0009_request_schema_digest"),
    ]

    operations = [
        migrations.AddField(
            model_name="inputrequest",
            name="search_text",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="inputrequest",
            name="search_tags",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
    ]
