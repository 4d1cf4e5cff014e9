"""The command line: the only rooms that print, prompt, draw bars or exit."""
