"""The state machine. It decides what a run does next, without I/O, clock or event loop."""
