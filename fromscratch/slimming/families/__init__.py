"""Finders of the files that belong to a file that is kept: its compiled form, its package's description, its index."""
