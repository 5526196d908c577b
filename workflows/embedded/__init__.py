"""The embedded mode: pages, sockets and the worker in one process, on one event loop."""
