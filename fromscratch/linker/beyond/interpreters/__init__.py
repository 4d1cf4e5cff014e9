"""What interpreters other than those with a folder of their own load: their library, and what programs ask of it."""
