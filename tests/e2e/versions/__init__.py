"""Several worker processes at the same time, each with its own settings and workflows."""
