"""A site with rows for every page, for tests of all pages and for pictures."""

PASSWORD = "as in a gallery"
