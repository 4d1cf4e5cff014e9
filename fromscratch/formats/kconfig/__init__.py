"""Kconfig, the configuration language of Buildroot."""
