"""What is printed: answers, errors and progress."""
