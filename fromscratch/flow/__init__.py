"""From a recipe to a finished build and on to where it goes: the steps in order, the output folder, the evidence."""
