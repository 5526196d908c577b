"""Workflows that try what a worker can bear."""
