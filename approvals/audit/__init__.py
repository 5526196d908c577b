"""Signs decisions, and finds decisions that were changed outside the application."""
