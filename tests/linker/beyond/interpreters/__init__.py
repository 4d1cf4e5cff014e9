"""Tests of what interpreters load."""
