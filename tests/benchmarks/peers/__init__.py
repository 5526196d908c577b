"""The same work on other engines, measured in turns: `make bench-peers`."""
