"""The old code of a team that upgrades."""
