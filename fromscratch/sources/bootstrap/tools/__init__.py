"""The tools that make a root: one module each, and what they share."""
