"""The start check: whether a container of a finished tree can start, worked out without running anything."""
