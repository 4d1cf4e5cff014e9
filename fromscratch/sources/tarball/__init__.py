"""Source `tarball`: a tar archive, here or at an address, verified by a digest or a signature."""
