"""Scripts of packages, read and not run: what they would do, done to a tree."""
