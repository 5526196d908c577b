"""What the page shows on which many requests are decided at once."""
