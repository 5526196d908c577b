"""An application for the tests alone: it empties the tables faster than Django does."""
