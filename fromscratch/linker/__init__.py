"""What programs need, executing nothing: the loaders' rules over any root, and `beyond`, what linking does not show."""
