"""The rows of a request: itself, its assignments and its routes."""
