"""Permissions: what each kind of person gets from each address, socket and command.

The addresses come from the URL configuration. An address without a row in the table fails a test:
add what each person gets with GET and with POST. `login` is a redirect to the login. A refused
request must change nothing, and a GET neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import transaction
from django.test import Client
from django.urls import reverse

from blazen_site.asgi import sockets as router
from tests.routes import Route, routes
from tests.support import sockets
from tests.support.factories import BARE, make_user, registered
from tests.support.permission_matrix import PEOPLE, World, kept, read, row_for
from workflows.models import Assignment, InputRequest
from workflows.realtime import publisher

pytestmark = pytest.mark.django_db

ROUTES = read("""
                                   anon  off   none  own   read  rev   oper  clerk root
healthz GET                        200   200   200   200   200   200   200   200   200
readyz GET                         200   200   200   200   200   200   200   200   200
metrics GET                        401   401   403   403   403   403   403   200   200
*z POST                            405   405   405   405   405   405   405   405   405
metrics POST                       405   405   405   405   405   405   405   405   405

accounts:login GET                 200   200   302   302   302   302   302   302   302
accounts:login POST                200   200   200   200   200   200   200   200   200
accounts:logout GET                login login 405   405   405   405   405   405   405
accounts:logout POST               login login 302   302   302   302   302   302   302
accounts:account GET               login login 200   200   200   200   200   200   200
accounts:account POST              login login 302   302   302   302   302   302   302
accounts:password GET              login login 200   200   200   200   200   200   200
accounts:password POST             login login 200   200   200   200   200   200   200

approvals:inbox GET                login login 200   200   200   200   200   200   200
approvals:inbox POST               login login 405   405   405   405   405   405   405
approvals:rows GET                 login login 200   200   200   200   200   200   200
approvals:rows POST                login login 405   405   405   405   405   405   405
approvals:answered GET             login login 200   200   200   200   200   200   200
approvals:answered POST            login login 405   405   405   405   405   405   405
approvals:request GET              login login 404   404   200   200   200   404   200
approvals:request POST             login login 405   405   405   405   405   405   405
approvals:decide GET               login login 405   405   405   405   405   405   405
approvals:decide POST              login login 404   404   403   303   303   404   303
approvals:claim GET                login login 405   405   405   405   405   405   405
approvals:release GET              login login 405   405   405   405   405   405   405
approvals:reassign GET             login login 405   405   405   405   405   405   405
approvals:reask GET                login login 405   405   405   405   405   405   405
approvals:comments GET             login login 405   405   405   405   405   405   405
approvals:draft GET                login login 405   405   405   405   405   405   405
approvals:undo GET                 login login 405   405   405   405   405   405   405
approvals:decide_many GET          login login 200   200   200   200   200   200   200
approvals:claim POST               login login 404   404   403   303   303   404   303
approvals:release POST             login login 404   404   303   303   303   404   303
approvals:reassign POST            login login 404   404   403   403   303   404   303
approvals:reask POST               login login 404   404   403   403   409   404   409
approvals:comments POST            login login 404   404   422   422   422   404   422
approvals:draft POST               login login 404   404   403   303   303   404   303
approvals:undo POST                login login 404   404   409   409   409   404   409
approvals:decide_many POST         login login 303   303   303   303   303   303   303

workflows:runs GET                 login login 200   200   200   200   200   200   200
workflows:runs POST                login login 405   405   405   405   405   405   405
workflows:attention GET            login login 200   200   200   200   200   200   200
workflows:attention POST           login login 405   405   405   405   405   405   405
workflows:run GET                  login login 404   200   200   200   200   404   200
workflows:run POST                 login login 405   405   405   405   405   405   405
workflows:snapshot GET             login login 404   404   200   200   200   404   200
workflows:snapshot POST            login login 405   405   405   405   405   405   405
workflows:run_action[*] GET        login login 405   405   405   405   405   405   405
workflows:run_action[cancel] POST  login login 404   403   403   403   303   404   303
workflows:run_action[pause] POST   login login 404   403   403   403   303   404   303
workflows:run_action[resume] POST  login login 404   403   403   403   303   404   303
workflows:run_action[retry] POST   login login 404   403   403   403   303   404   303
workflows:workflows GET            login login 200   200   200   200   200   200   200
workflows:workflows POST           login login 405   405   405   405   405   405   405
workflows:workflow GET             login login 200   200   200   200   200   200   200
workflows:workflow POST            login login 405   405   405   405   405   405   405
workflows:start GET                login login 405   405   405   405   405   405   405
workflows:start POST               login login 403   403   403   303   303   403   303

admin/login/ *                     login login 403   403   403   403   403   403   403
admin:login *                      login login 403   403   403   403   403   403   403
admin:logout GET                   login login 302   302   302   302   302   405   405
admin:logout POST                  login login 302   302   302   302   302   302   302
admin:index *                      login login login login login login login 200   200
admin:app_list[*] *                login login login login login login login 404   200
admin:password_change_done POST    login login login login login login login 405   405
admin:password_change* *           login login login login login login login 200   200
admin:autocomplete GET             login login login login login login login 403   403
admin:autocomplete POST            login login login login login login login 405   405
admin:jsi18n GET                   login login login login login login login 200   200
admin:jsi18n POST                  login login login login login login login 405   405
admin:view_on_site *               login login login login login login login 302   302
admin/(?P<url>.*)$ *               login login login login login login login 404   404
admin/*/<path:object_id>/ *        login login login login login login login 302   302
admin:auth_* *                     login login login login login login login 403   200
admin:workflows_route_* *          login login login login login login login 403   200
admin:*_add *                      login login login login login login login 403   403
admin:approvals_preferences_change POST login login login login login login login 403   302
admin:approvals_preferences_* *    login login login login login login login 403   200
admin:axes_*_change POST            login login login login login login login 403   302
admin:axes_* *                     login login login login login login login 403   200
admin:*_delete *                   login login login login login login login 403   403
admin:*_change POST                login login login login login login login 403   403
admin:*_change GET                 login login login login login login login 403   200
admin:*_history *                  login login login login login login login 403   200
admin:*_changelist *               login login login login login login login 403   200
""")

SOCKETS = read("""
                                   anon  off   none  own   read  rev   oper  clerk root
ws/inbox/                          4401  4401  4403  4403  open  open  open  4403  open
ws/runs/<uuid:run_id>/             4401  4401  4403  open  open  open  open  4403  open
""")

COMMANDS = read("""
                                   anon  off   none  own   read  rev   oper  clerk root
answer                             no    no    no    no    no    yes   yes   no    yes
start_run                          no    no    no    no    no    yes   yes   no    yes
""")

# Valid fields of some forms; all other forms are sent empty.
FORMS = {
    "approvals:decide": {"verdict": "approve"},
    "accounts:account": {"time_zone": "Europe/Berlin"},
}

ALL = [(route, method) for route in routes() for method in ("GET", "POST")]


@pytest.fixture
def world() -> Iterator[World]:
    with registered(BARE):
        yield World.make()


def address(route: Route, world: World) -> str:
    """Return an address of `route` that exists."""
    arguments = world.arguments(route)
    if route.name != route.pattern or "/" not in route.name:
        return reverse(route.name, kwargs=arguments)
    path = route.pattern.rstrip("$").replace("(?P<url>.*)", "nowhere/")
    return "/" + path.replace("<path:object_id>", str(arguments.get("object_id")))


def visit(path: str, form: dict[str, str] | None, person: str, world: World) -> tuple[str, bool]:
    """Return what this person gets there, and whether it changed rows. Undo the changes."""
    client = Client()
    with transaction.atomic():
        if person != "anon":
            client.force_login(world.people[person])
        before = kept()
        response = client.get(path) if form is None else client.post(path, form)
        changed = kept() != before
        transaction.set_rollback(True)
    to_login = "/login/?next=" in response.headers.get("Location", "")
    return "login" if to_login else str(response.status_code), changed


def test_every_address_has_a_row() -> None:
    missing = [f"{route} {method}" for route, method in ALL if not row_for(ROUTES, route, method)]
    assert missing == [], (
        "Add to ROUTES, in tests/approvals/test_permissions.py, what each person gets there; what "
        "its pattern names is made in World of tests/support/permission_matrix.py"
    )


@pytest.mark.parametrize(("route", "method"), ALL, ids=str)
def test_each_person_at_each_address(route: Route, method: str, world: World) -> None:
    row = row_for(ROUTES, route, method)
    assert row is not None, "see test_every_address_has_a_row"
    path = address(route, world)
    form = None if method == "GET" else FORMS.get(route.name, {})
    wrong = []
    for person, expected in row.items():
        got, changed = visit(path, form, person, world)
        if got != expected:
            wrong.append(f"{person} ({PEOPLE[person]}) gets {got}, not {expected}")
        if changed and (method == "GET" or got == "login" or got >= "400"):
            wrong.append(f"{person} gets {got}, and changed something")
    assert wrong == [], path


def test_every_socket_has_a_row() -> None:
    missing = {str(route.pattern) for route in router.routes} - set(SOCKETS)
    assert missing == set(), "Add to SOCKETS what each person gets there"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("pattern", SOCKETS)
async def test_each_person_at_each_socket(pattern: str, person: str) -> None:
    world = await sync_to_async(World.make)()
    user = world.people.get(person)
    client = await sync_to_async(sockets.sign_in)(user) if user else None
    path = "/" + pattern.replace("<uuid:run_id>", str(world.run.pk))
    async with sockets.opened(AuthMiddlewareStack(router), path, client) as socket:
        if SOCKETS[pattern][person] == "open":
            await socket.expect_read()
            await publisher.publish(runs=[world.run.pk], changed=[world.request.pk])
            message = await socket.message()
            changed = [one["id"] for one in message.get("changes", [])]
            assert changed == [str(world.request.pk)] if "inbox" in pattern else message["read"]
        else:
            assert str(await socket.close_code()) == SOCKETS[pattern][person]


def commands_that_name_a_user() -> Iterator[str]:
    """Yield the commands of this project with an option like `--as USER`."""
    for name, app in get_commands().items():
        if app not in ("workflows", "approvals"):
            continue
        options = load_command_class(app, name).create_parser("manage.py", name)._actions
        if any(one.metavar == "USER" or one.dest in ("username", "user", "by") for one in options):
            yield name


def test_every_command_that_names_a_user_has_a_row() -> None:
    missing = set(commands_that_name_a_user()) - set(COMMANDS)
    assert missing == set(), "Add to COMMANDS which people may run it"


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_person_with_each_command(command: str, person: str, world: World) -> None:
    arguments: dict[str, list[Any]] = {
        "answer": [str(world.request.pk), "--approve"],
        "start_run": [BARE.name],
    }
    user = world.people.get(person)
    before = kept()
    given = [*arguments[command], "--as", user.username if user else "nobody"]
    if COMMANDS[command][person] == "yes":
        call_command(command, *given, stdout=StringIO())
        assert kept() != before
    else:
        with pytest.raises(CommandError):
            call_command(command, *given, stdout=StringIO())
        assert kept() == before


OF_A_REQUEST = [
    (route, method) for route, method in ALL
    if "request_id>" in route.pattern or route.name in ("workflows:run", "workflows:snapshot")
]  # fmt: skip


@pytest.mark.parametrize(("route", "method"), OF_A_REQUEST, ids=str)
def test_a_request_that_names_a_person_is_hidden_from_other_reviewers(
    route: Route, method: str, world: World
) -> None:
    for name in ("named", "other"):
        world.people[name] = make_user(name)
        world.people[name].groups.add(Group.objects.get(name="reviewers"))
    Assignment.objects.create(request=world.request, user=world.people["named"])
    InputRequest.objects.filter(pk=world.request.pk).update(assigned=True)
    row = row_for(ROUTES, route, method)
    assert row is not None, "see test_every_address_has_a_row"
    path = address(route, world)
    form = None if method == "GET" else FORMS.get(route.name, {})
    got = visit(path, form, "other", world)
    assert got == ("405" if row["rev"] == "405" else "404", False), path
    given_away = (
        route.name == "approvals:reassign" and method == "POST"
    )  # allowed, but without a recipient
    assert visit(path, form, "named", world)[0] == ("422" if given_away else row["rev"]), path
