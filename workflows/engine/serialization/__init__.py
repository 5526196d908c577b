"""Values, events and snapshots as JSON, and back."""
