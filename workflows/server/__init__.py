"""`manage.py serve`, and the web server of every mode."""
