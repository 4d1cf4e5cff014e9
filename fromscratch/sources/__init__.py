"""One file or folder for each kind of source: something that brings the entries of a tree."""
