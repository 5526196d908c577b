"""An application for tests only: it empties the tables faster than Django does."""
