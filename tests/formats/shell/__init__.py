"""Readers of shell scripts."""
