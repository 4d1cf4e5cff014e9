"""YAML with the position of every value, decoded into typed records, and written."""
