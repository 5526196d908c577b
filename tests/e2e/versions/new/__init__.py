"""The new code of a team that upgrades."""
