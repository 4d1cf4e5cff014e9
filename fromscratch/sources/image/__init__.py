"""Source `image`: the root of a container image, whole as a base, or paths copied from it."""
