"""Django's backend for SQLite, with a line in which the writers of one process stand."""
