"""The store, files and folders written whole or not at all, and locks on them."""
