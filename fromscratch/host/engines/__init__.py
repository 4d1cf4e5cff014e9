"""The container engines: one module for each, and what they have in common."""
