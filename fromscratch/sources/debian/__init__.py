"""Source `debian`: trees of signed packages, unpacked without apt, dpkg or their scripts."""
