"""Limits of failed log-ins."""
