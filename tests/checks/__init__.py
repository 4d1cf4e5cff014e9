"""Smoke checks: how they are written, asked and compared, and what a failing one tells."""
