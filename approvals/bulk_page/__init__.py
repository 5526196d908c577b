"""The page on which many requests are decided at once."""
