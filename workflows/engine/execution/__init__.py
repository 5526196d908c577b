"""Runs the functions of workflow authors."""
