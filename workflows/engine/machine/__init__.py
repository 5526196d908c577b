"""The state machine: what a run does next, decided without I/O, clock or event loop."""
