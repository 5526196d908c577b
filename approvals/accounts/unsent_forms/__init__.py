"""Keeps the content of forms that could not be sent."""
