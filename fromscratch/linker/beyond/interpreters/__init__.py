"""What interpreters of other languages load: their library, and what programs ask of it."""
