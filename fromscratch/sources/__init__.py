"""One file or folder for each kind of source: where the tree of a root filesystem comes from."""
