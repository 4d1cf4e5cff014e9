"""Which packages are taken: indexes that are verified, what depends on what, and what is counted on without a word."""
