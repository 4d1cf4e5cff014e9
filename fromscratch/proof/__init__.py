"""What a finished build can be asked to prove."""
