"""Memory and files over very many cycles: `python -m tests.benchmarks.endurance`."""
