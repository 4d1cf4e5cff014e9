"""sed: its programs, parsed, and what they do to lines."""
