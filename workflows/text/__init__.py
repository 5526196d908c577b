"""Text that people read or search, of unknown origin."""
