"""The commands that scripts of packages are made of, as functions on a tree."""
