"""Source `alpine`: trees of signed Alpine packages, unpacked without apk or their scripts."""
