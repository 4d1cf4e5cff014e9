"""How a command line is read, explained and completed."""
