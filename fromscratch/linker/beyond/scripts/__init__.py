"""What scripts call: their interpreters, and the commands of shell scripts."""
