"""Pages about runs and workflows, and what every page is made of."""
