import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
import workflows.models.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='WorkerHeartbeat',
            fields=[
                ('id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('signatures', models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ('started_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='WorkflowRun',
            fields=[
                ('started_by_name', models.CharField(blank=True, db_default='', default='', max_length=254)),
                ('is_repeat', models.BooleanField(db_default=False, default=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('workflow', models.CharField(max_length=100)),
                ('signature', models.CharField(blank=True, max_length=64)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('waiting', 'Waiting'), ('paused', 'Paused'), ('blocked', 'Blocked'), ('completed', 'Completed'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=16)),
                ('input', workflows.models.fields.OrderedJSONField()),
                ('result', workflows.models.fields.OrderedJSONField(blank=True, null=True)),
                ('error', workflows.models.fields.OrderedJSONField(blank=True, null=True)),
                ('progress', workflows.models.fields.OrderedJSONField(blank=True, null=True)),
                ('idempotency_key', models.CharField(blank=True, max_length=200, null=True)),
                ('seq', models.PositiveBigIntegerField(default=0)),
                ('snapshot_seq', models.PositiveBigIntegerField(default=0)),
                ('delivery_count', models.PositiveBigIntegerField(default=0)),
                ('wake_at', models.DateTimeField(blank=True, null=True)),
                ('lease_owner', models.CharField(blank=True, max_length=64)),
                ('fence', models.PositiveBigIntegerField(default=0)),
                ('crash_count', models.PositiveSmallIntegerField(default=0)),
                ('idle_since_recovery', models.BooleanField(db_default=False, default=False)),
                ('incompatible_builds', models.TextField(blank=True, db_default='', default='')),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('started_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='workflow_runs', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveBigIntegerField()),
                ('format', models.PositiveSmallIntegerField()),
                ('data', workflows.models.fields.OrderedJSONField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='snapshots', to='workflows.workflowrun')),
            ],
        ),
        migrations.CreateModel(
            name='RunAuthor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=254)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='earlier_authors', to='workflows.workflowrun')),
            ],
        ),
        migrations.CreateModel(
            name='JournalEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveBigIntegerField()),
                ('kind', models.CharField(max_length=32)),
                ('step', models.CharField(blank=True, max_length=200)),
                ('data', workflows.models.fields.OrderedJSONField()),
                ('at', models.DateTimeField()),
                ('duration', models.FloatField(null=True)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='journal', to='workflows.workflowrun')),
            ],
            options={
                'verbose_name_plural': 'journal entries',
            },
        ),
        migrations.CreateModel(
            name='InputRequest',
            fields=[
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('deadline', models.DateTimeField(blank=True, null=True)),
                ('on_deadline', models.CharField(choices=[('fail', 'Fail'), ('default', 'Default'), ('stay_open', 'Stay Open')], db_default='fail', default='fail', max_length=16)),
                ('default_response', workflows.models.fields.OrderedJSONField(blank=True, null=True)),
                ('overdue_at', models.DateTimeField(blank=True, null=True)),
                ('remind_at', models.DateTimeField(blank=True, null=True)),
                ('reminded_at', models.DateTimeField(blank=True, null=True)),
                ('escalate_at', models.DateTimeField(blank=True, null=True)),
                ('escalated_at', models.DateTimeField(blank=True, null=True)),
                ('escalate_to', workflows.models.fields.OrderedJSONField(blank=True, db_default=models.Value([], workflows.models.fields.OrderedJSONField()), default=list)),
                ('asked_of', workflows.models.fields.OrderedJSONField(blank=True, db_default=models.Value([], workflows.models.fields.OrderedJSONField()), default=list)),
                ('next_notification_at', models.DateTimeField(blank=True, null=True)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('request_id', models.CharField(max_length=200)),
                ('workflow', models.CharField(db_default='', default='', max_length=100)),
                ('event', models.CharField(max_length=200)),
                ('step', models.CharField(max_length=200)),
                ('prompt', models.TextField()),
                ('payload', workflows.models.fields.OrderedJSONField(null=True)),
                ('schema', workflows.models.fields.OrderedJSONField(null=True)),
                ('schema_digest', models.CharField(blank=True, db_default='', default='', max_length=64)),
                ('allow', workflows.models.fields.OrderedJSONField(default=list)),
                ('if_approved', models.CharField(blank=True, db_default='', default='', max_length=300)),
                ('editable', workflows.models.fields.OrderedJSONField(blank=True, db_default=models.Value([], workflows.models.fields.OrderedJSONField()), default=list)),
                ('editable_types', workflows.models.fields.OrderedJSONField(blank=True, db_default=models.Value({}, workflows.models.fields.OrderedJSONField()), default=dict)),
                ('edits', workflows.models.fields.OrderedJSONField(blank=True, db_default=models.Value({}, workflows.models.fields.OrderedJSONField()), default=dict)),
                ('revision', models.PositiveIntegerField(db_default=1, default=1)),
                ('digest', models.CharField(blank=True, db_default='', default='', max_length=64)),
                ('priority', models.PositiveSmallIntegerField(choices=[(1, 'Low'), (2, 'Normal'), (3, 'High'), (4, 'Urgent')], db_default=2, default=2)),
                ('tags', workflows.models.fields.OrderedJSONField(blank=True, db_default=models.Value([], workflows.models.fields.OrderedJSONField()), default=list)),
                ('search_text', models.TextField(blank=True, db_default='', default='', editable=False)),
                ('search_tags', models.TextField(blank=True, db_default='', default='', editable=False)),
                ('assigned', models.BooleanField(db_default=False, default=False)),
                ('four_eyes', models.BooleanField(default=False)),
                ('quorum', models.PositiveSmallIntegerField(db_default=1, default=1)),
                ('votes', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('answered', 'Answered'), ('expired', 'Expired'), ('cancelled', 'Cancelled')], default='pending', max_length=16)),
                ('response', workflows.models.fields.OrderedJSONField(null=True)),
                ('source', models.CharField(blank=True, max_length=32)),
                ('undo_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('answered_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('claimed_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='requests', to='workflows.workflowrun')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('answer', 'Answer'), ('expire', 'Expire'), ('pause', 'Pause'), ('resume', 'Resume')], max_length=16)),
                ('data', workflows.models.fields.OrderedJSONField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('applied_seq', models.PositiveBigIntegerField(null=True)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='workflows.workflowrun')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='auth.group')),
                ('user', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='workflows.inputrequest')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('user__isnull', False)), fields=['user', 'request'], name='assignment_of_user'), models.Index(condition=models.Q(('group__isnull', False)), fields=['group', 'request'], name='assignment_of_group')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('group__isnull', True), ('user__isnull', False)), models.Q(('group__isnull', False), ('user__isnull', True)), _connector='OR'), name='assignment_names_one'), models.UniqueConstraint(condition=models.Q(('user__isnull', False)), fields=('request', 'user'), name='assignment_once_per_user'), models.UniqueConstraint(condition=models.Q(('group__isnull', False)), fields=('request', 'group'), name='assignment_once_per_group')],
            },
        ),
        migrations.CreateModel(
            name='Route',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workflow', models.CharField(max_length=100)),
                ('event', models.CharField(blank=True, help_text='Empty: all of the workflow.', max_length=200, verbose_name='request class')),
                ('priority', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'Low'), (2, 'Normal'), (3, 'High'), (4, 'Urgent')], help_text='Empty: as the request says.', null=True)),
                ('groups', models.ManyToManyField(blank=True, related_name='+', to='auth.group')),
                ('users', models.ManyToManyField(blank=True, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workflow', 'event'), name='route_once')],
            },
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('comments', 'Comments'), ('starts', 'Starts'), ('claims', 'Claims'), ('drafts', 'Drafts')], max_length=16)),
                ('minute', models.DateTimeField()),
                ('number', models.PositiveIntegerField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'kind'), name='usage_once_a_person')],
            },
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(condition=models.Q(('wake_at__isnull', False)), fields=['status', 'wake_at'], name='run_wants'),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(fields=['-created_at', '-id'], name='run_newest'),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(fields=['status', '-created_at', '-id'], name='run_by_status'),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(fields=['workflow', '-created_at', '-id'], name='run_by_workflow'),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(fields=['started_by', '-created_at', '-id'], name='run_by_author'),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(condition=models.Q(('is_repeat', True)), fields=['id'], name='run_is_repeat'),
        ),
        migrations.AddConstraint(
            model_name='workflowrun',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('workflow', 'idempotency_key'), name='run_once_per_key'),
        ),
        migrations.AddConstraint(
            model_name='workflowrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('status__in', ['completed', 'failed', 'cancelled'])), models.Q(('finished_at__isnull', True), ('status__in', ['queued', 'running', 'waiting', 'paused', 'blocked'])), _connector='OR'), name='run_finished_iff_ended'),
        ),
        migrations.AddConstraint(
            model_name='workflowrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'running'), models.Q(('lease_owner', ''), _negated=True)), models.Q(models.Q(('status', 'running'), _negated=True), ('lease_owner', '')), _connector='OR'), name='run_leased_iff_running'),
        ),
        migrations.AddConstraint(
            model_name='workflowrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['queued', 'running']), ('wake_at__isnull', False)), ('status', 'waiting'), models.Q(('status__in', ['paused', 'blocked', 'completed', 'failed', 'cancelled']), ('wake_at__isnull', True)), _connector='OR'), name='run_wakes_only_if_it_can_move'),
        ),
        migrations.AddConstraint(
            model_name='workflowrun',
            constraint=models.CheckConstraint(condition=models.Q(('seq__gte', models.F('snapshot_seq'))), name='run_snapshot_not_ahead'),
        ),
        migrations.AddConstraint(
            model_name='snapshot',
            constraint=models.UniqueConstraint(fields=('run', 'seq'), name='snapshot_once_per_seq'),
        ),
        migrations.AddConstraint(
            model_name='runauthor',
            constraint=models.UniqueConstraint(fields=('run', 'user'), name='author_once_a_run'),
        ),
        migrations.AddConstraint(
            model_name='journalentry',
            constraint=models.UniqueConstraint(fields=('run', 'seq'), name='journal_once_per_seq'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['-priority', 'created_at', 'id'], name='request_most_urgent'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['created_at', 'id', 'assigned', 'status'], name='request_oldest'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['workflow', '-priority', 'created_at', 'id', 'assigned', 'status'], name='request_of_workflow'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'pending'), models.Q(('assigned', True), ('claimed_by__isnull', False), _connector='OR')), fields=['-priority', 'created_at', 'id', 'claimed_by', 'assigned'], name='request_assigned_or_claimed'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['workflow', 'event', 'schema_digest', 'created_at', 'id'], name='request_of_schema'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('overdue_at__isnull', False)), fields=['status', 'on_deadline', 'created_at', 'id'], name='request_undefaulted'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'pending'), ('four_eyes', True)), fields=['run'], name='request_four_eyes'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'answered')), fields=['-answered_at', '-id'], name='request_last_answered'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'expired'), ('status', 'cancelled'), _connector='OR'), fields=['-created_at', '-id'], name='request_last_closed'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('deadline__isnull', False), ('overdue_at__isnull', True)), fields=['status', 'deadline'], name='request_overdue'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('next_notification_at__isnull', False)), fields=['status', 'next_notification_at'], name='request_notification_due'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'answered')), fields=['workflow', '-answered_at', '-id'], name='request_answered_of'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('status', 'answered')), fields=['workflow', 'event', '-answered_at', '-id'], name='request_same_kind'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(fields=['-created_at', '-id'], name='request_newest'),
        ),
        migrations.AddIndex(
            model_name='inputrequest',
            index=models.Index(condition=models.Q(('answered_by__isnull', False)), fields=['answered_by'], name='request_answered_by'),
        ),
        migrations.AddConstraint(
            model_name='inputrequest',
            constraint=models.UniqueConstraint(fields=('run', 'request_id'), name='request_once_per_run'),
        ),
        migrations.AddConstraint(
            model_name='inputrequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', False), ('status', 'answered'), models.Q(('source', ''), _negated=True)), models.Q(models.Q(('status', 'answered'), _negated=True), ('answered_at__isnull', True), ('answered_by__isnull', True), ('source', '')), _connector='OR'), name='request_answered_iff_it_says_how'),
        ),
        migrations.AddConstraint(
            model_name='inputrequest',
            constraint=models.CheckConstraint(condition=models.Q(('quorum__gte', 1), ('votes__lt', models.F('quorum'))), name='request_votes_below_quorum'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['run', 'applied_seq'], name='delivery_by_run'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('not_before__isnull', False)), fields=['not_before'], name='delivery_held_back'),
        ),
    ]
