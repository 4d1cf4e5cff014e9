"""What Perl programs load."""
