"""Measurements of what artsim promises; `python -m benchmarks` prints them all."""
