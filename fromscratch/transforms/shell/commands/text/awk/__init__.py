"""awk(1), as far as scripts of packages use it: rules of patterns, print, and simple variables."""
