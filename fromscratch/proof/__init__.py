"""Proof of finished builds and images: the same bytes twice, the first difference, validity, a slimmed image beside the full one."""
