"""Plugins of Graphviz, and the configuration that lists what they can do."""
