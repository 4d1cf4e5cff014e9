"""Tree to tree, without side effects."""
