"""The tree of a root filesystem, layers over it, and images with their names: values without side effects."""
