"""Tests of the source `alpine`."""
