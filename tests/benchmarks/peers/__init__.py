"""The same work on other engines, side by side: `make bench-peers`."""
