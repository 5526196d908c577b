"""How pydantic reads and writes what crosses the borders of a workflow."""
