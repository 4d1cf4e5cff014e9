"""Checks of finished builds and images: the same bytes twice, where two differ, validity, a small one beside its full one."""
