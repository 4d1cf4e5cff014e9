"""YAML to `Recipe`: what an image is made of, with all faults told at once."""
