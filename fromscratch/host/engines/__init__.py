"""The container engines that we know, each in a module of its own, and what they have in common."""
