"""Recorders of the files that a program uses, on this machine or in a container."""
