"""Payloads of unknown origin as trees of few kinds of nodes."""
