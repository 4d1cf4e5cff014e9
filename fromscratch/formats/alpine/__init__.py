"""What Alpine packages are made of: packages, indexes, signatures, versions, and the database of apk in a root."""
