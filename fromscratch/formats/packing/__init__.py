"""Trees as compressed layers: read once, hashed, compressed in threads, with the same bytes each time."""
