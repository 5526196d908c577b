"""Workflows that crash or block workers."""
