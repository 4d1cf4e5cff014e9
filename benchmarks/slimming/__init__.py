"""Twenty images of Debian packages with checks, and what becomes of them when they are slimmed."""
