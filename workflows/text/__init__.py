"""Untrusted text that people read or search."""
