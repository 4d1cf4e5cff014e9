"""The command line: the only room that prints, asks, draws bars or exits."""
