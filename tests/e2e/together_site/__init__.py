"""A site with a workflow that makes requests to several people."""
