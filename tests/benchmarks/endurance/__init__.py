"""Memory and files of the processes over very many cycles: `python -m tests.benchmarks.endurance`."""
