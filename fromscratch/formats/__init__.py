"""Bytes to the model and back: no subprocess, no network."""
