"""Processes killed at random while events come in and questions are asked: `python -m benchmarks.faults`."""
