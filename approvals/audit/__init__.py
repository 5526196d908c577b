"""Decisions that cannot be changed behind the application's back."""
