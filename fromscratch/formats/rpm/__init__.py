"""What RPM leaves in a root: its database, in SQLite and in its own form, and the headers in it."""
