"""Checks of finished builds and images: the same bytes twice, the first difference, validity."""
