"""What a tree of packages becomes by their scripts and declarations, which are followed, never run."""
