"""The rows of a run: itself, its journal, its snapshots, its deliveries and its authors."""
