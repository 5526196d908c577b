"""The one entrance: pages, sockets, and the bell that wakes the worker."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "blazen_site.settings")

from workflows.allocator import limit_areas

limit_areas()  # before any thread is started

from django.core.asgi import get_asgi_application  # noqa: E402

http = get_asgi_application()  # loads the applications, which all that follows needs

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from approvals import consumers as people  # noqa: E402
from approvals.accounts.demo import refuse_demo_accounts  # noqa: E402
from workflows import consumers as machine  # noqa: E402
from workflows.draining import Draining  # noqa: E402
from workflows.kept_threads import RequestThreads  # noqa: E402
from workflows.vanished import VanishedSockets  # noqa: E402

refuse_demo_accounts()

sockets = URLRouter([*people.websocket_urlpatterns, *machine.websocket_urlpatterns])

application = ProtocolTypeRouter(
    {
        "http": Draining(RequestThreads(http)),
        # The origin is checked first: a page of another site never learns who is logged in.
        "websocket": VanishedSockets(AllowedHostsOriginValidator(AuthMiddlewareStack(sockets))),
        "channel": ChannelNameRouter({"workflows": machine.WorkerConsumer.as_asgi()}),
    }
)

# What is loaded by now stays. To go through it all again and again for garbage stops everything for
# fifty milliseconds each time.
gc.collect()
gc.freeze()
