"""What a request to a person says, and what may be answered."""
