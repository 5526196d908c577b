"""Storing what came of runs: many of them in one transaction."""
