"""The ASGI application: pages, sockets, and the messages that wake the worker."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "blazen_site.settings")

from workflows.server.allocator import limit_areas

limit_areas()  # before any thread is started

from django.core.asgi import get_asgi_application  # noqa: E402

http = get_asgi_application()  # loads the applications, which the code below needs

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from approvals.accounts.demo import refuse_demo_accounts  # noqa: E402
from approvals.consumers import websocket_urlpatterns as inbox_sockets  # noqa: E402
from workflows.consumers import websocket_urlpatterns as run_sockets  # noqa: E402
from workflows.realtime.wakeup import WorkerConsumer  # noqa: E402
from workflows.server.closed_sockets import ClosedSocketMiddleware  # noqa: E402
from workflows.server.forwarded_headers import ForwardedHeadersMiddleware  # noqa: E402
from workflows.server.graceful_shutdown import GracefulShutdownMiddleware  # noqa: E402
from workflows.server.live_reads import LiveReadMiddleware  # noqa: E402
from workflows.server.origin_validator import OriginValidator, deny  # noqa: E402
from workflows.server.request_threads import RequestThreads  # noqa: E402

refuse_demo_accounts()

sockets = URLRouter([*inbox_sockets, *run_sockets])
# The router raises an error for unknown addresses.
all_paths = URLRouter([*sockets.routes, re_path("", deny)])  # type: ignore[arg-type]

protocols = ProtocolTypeRouter(
    {
        "http": GracefulShutdownMiddleware(LiveReadMiddleware(RequestThreads(http))),
        # The origin is checked first, so that other sites cannot find out who is logged in.
        "websocket": ClosedSocketMiddleware(OriginValidator(AuthMiddlewareStack(all_paths))),
        "channel": ChannelNameRouter({"workflows": WorkerConsumer.as_asgi()}),
    }
)
# From here on the client and the scheme are those that count.
application = ForwardedHeadersMiddleware(protocols)

# The garbage collector need not search the objects that are loaded now, because they are never
# freed. Searching them would stop the process for fifty milliseconds each time.
gc.collect()
gc.freeze()
