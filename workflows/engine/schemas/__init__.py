"""Schemas by which pydantic reads and writes events, inputs and answers."""
