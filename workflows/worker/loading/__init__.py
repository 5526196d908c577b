"""Leasing runs and loading their state from rows."""
