"""What is printed: answers, errors, progress, help and the manual page."""
