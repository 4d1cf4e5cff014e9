"""The commands that are part of a shell, such as `test`, `read` and `set`."""
