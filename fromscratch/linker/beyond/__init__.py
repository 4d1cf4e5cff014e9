"""Finders of what linking does not show: modules, plugins, data, and commands of scripts."""
