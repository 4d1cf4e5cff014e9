"""Registries of the OCI distribution specification v1.1, without a daemon: push, pull, tags and referrers."""
