"""Django's PostgreSQL backend with a separate connection pool for steps."""
