"""What the package manager of Arch Linux leaves in a root: the database of pacman."""
