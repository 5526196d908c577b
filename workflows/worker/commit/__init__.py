"""Storing the results of many runs in one transaction."""
