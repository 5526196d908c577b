"""The sockets of open pages: who may have one, and what is sent to it."""
