"""Workers as processes beside each other, each with settings and workflows of its own."""
