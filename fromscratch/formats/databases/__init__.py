"""One module for each package manager: its database in a tree, read, and cut to the files that are left."""
