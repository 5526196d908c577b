"""Requests to people: options, payload and replies."""
