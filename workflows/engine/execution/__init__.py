"""Running the functions of workflow authors."""
