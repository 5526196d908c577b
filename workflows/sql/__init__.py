"""SQL written by hand. It knows columns and parameters, and no model."""
