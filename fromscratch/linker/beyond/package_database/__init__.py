"""What the package manager of a root knows: who owns files, and which packages belong together."""
