"""Programs of this machine bundled, and their work done in the image: see `battery`."""
