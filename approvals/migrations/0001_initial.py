import approvals.models.preferences
import django.db.models.deletion
import workflows.models.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('workflows', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DecisionChain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(default=0)),
                ('signature', models.CharField(blank=True, default='', max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('text', models.TextField()),
                ('is_system', models.BooleanField(default=False)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='workflows.inputrequest')),
            ],
            options={
                'ordering': ['at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='DecisionSeal',
            fields=[
                ('number', models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('made', 'Made'), ('superseded', 'Superseded'), ('accepted', 'Accepted')], max_length=16)),
                ('decision', models.BigIntegerField()),
                ('content', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('note', models.CharField(blank=True, default='', max_length=300)),
                ('signature', models.CharField(max_length=64)),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('decision', 'kind'), name='seal_once_per_decision')],
            },
        ),
        migrations.CreateModel(
            name='Preferences',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('time_zone', models.CharField(blank=True, default='', max_length=64, validators=[approvals.models.preferences.check_time_zone])),
                ('keys_on', models.BooleanField(db_default=True, default=True, verbose_name='keyboard shortcuts')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='preferences', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'preferences',
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('vote', 'Vote'), ('final', 'Final'), ('withdrawn', 'Withdrawn')], db_default='final', default='final', max_length=16)),
                ('at', models.DateTimeField()),
                ('response', workflows.models.fields.OrderedJSONField(null=True)),
                ('edits', workflows.models.fields.OrderedJSONField(blank=True, db_default=models.Value({}, workflows.models.fields.OrderedJSONField()), default=dict)),
                ('revision', models.PositiveIntegerField(db_default=1, default=1)),
                ('source', models.CharField(max_length=32)),
                ('name', models.CharField(db_default='', default='', max_length=254)),
                ('address', models.CharField(blank=True, db_default='', default='', max_length=45)),
                ('session', models.CharField(blank=True, db_default='', default='', max_length=64)),
                ('account', models.CharField(blank=True, db_default='', default='', max_length=255)),
                ('seen', models.CharField(blank=True, db_default='', default='', max_length=64)),
                ('signature', models.CharField(db_default='', default='', editable=False, max_length=64)),
                ('superseded_at', models.DateTimeField(blank=True, null=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='workflows.inputrequest')),
            ],
            options={
                'ordering': ['-at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'final'), ('superseded_at__isnull', True)), fields=('request',), name='decision_one_final'), models.UniqueConstraint(condition=models.Q(('kind', 'vote'), ('superseded_at__isnull', True)), fields=('request', 'by'), name='decision_one_vote_a_person')],
            },
        ),
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('data', workflows.models.fields.OrderedJSONField()),
                ('saved_at', models.DateTimeField()),
                ('request', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='drafts', to='workflows.inputrequest')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drafts', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('request', 'user'), name='draft_once_a_person')],
            },
        ),
    ]
