"""Checks of finished builds: the same bytes twice, where two images differ, validity, a small image and a full one."""
