"""Declarations of other tools (apko, Docker, mkosi, …) into recipes, with each line that is not carried over."""
