"""Django's PostgreSQL with a pool of its own for steps."""
