"""Deleting history: of runs that ended long ago, and of runs that never end."""
