"""What Ruby programs require."""
