"""The loaders' rules over any root: what a program needs to start. Executes nothing."""
