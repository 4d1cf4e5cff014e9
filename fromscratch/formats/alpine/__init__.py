"""What Alpine's package manager leaves in a root: the database of apk."""
