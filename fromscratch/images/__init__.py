"""One file for each transport: a place that images are read from and written to, such as a registry."""
