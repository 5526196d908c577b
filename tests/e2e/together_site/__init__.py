"""A site whose workflow asks several people."""
