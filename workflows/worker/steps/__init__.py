"""Running the steps of active runs."""
