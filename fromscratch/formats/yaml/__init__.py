"""Recipes as text: YAML with positions, decoded into typed records."""
