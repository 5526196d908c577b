"""What each kind of input offers, and how its text is read."""
