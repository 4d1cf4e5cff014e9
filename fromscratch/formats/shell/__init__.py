"""Scripts of the POSIX shell as text: parsed into a syntax tree, never run."""
