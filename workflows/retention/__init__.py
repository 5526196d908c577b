"""Deletes history: of runs that ended long ago, and of open runs with long journals."""
