"""Ratios against named peers: `python -m benchmarks --help`. Nothing here is a test."""
