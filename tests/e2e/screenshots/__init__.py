"""A site with something on every page: for the tests that look at all of them, and for pictures."""

PASSWORD = "as in a gallery"
