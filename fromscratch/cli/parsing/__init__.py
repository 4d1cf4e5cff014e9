"""How a command line is read and completed, and what a wrong one is answered with."""
