"""Notifies workers and open pages that rows changed."""
