"""What was typed into a form that could not be sent."""
