"""Twenty images of Debian packages, each with a recipe and its checks, and what becomes of them when they are slimmed."""
