"""SQL that does not use the ORM. It gets the model as a parameter, and imports none."""
