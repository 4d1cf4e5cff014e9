"""What GLIBC loads while a program runs."""
