"""What the page of one request shows."""
