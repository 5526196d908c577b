"""Checks who may decide a request at this time."""
