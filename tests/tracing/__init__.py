"""Recorders: what they see of real programs."""
