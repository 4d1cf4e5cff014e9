"""Starting an image without an engine: in a private root, or by an OCI runtime."""
