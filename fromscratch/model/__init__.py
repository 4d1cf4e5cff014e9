"""The tree of a root filesystem, and images, as values."""
