"""Commands that make, copy, move, change and remove files and folders, and find them."""
