"""What workers do once a second: find lost leases, and act on deadlines."""
