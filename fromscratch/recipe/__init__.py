"""YAML to `Recipe`: what an image is made of, with every error of a file reported at once."""
