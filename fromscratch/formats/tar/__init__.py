"""Tar archives: ustar, pax and GNU, written and read."""
