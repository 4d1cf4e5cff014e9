"""Docker's own forms: the archive of `docker save`, and the Dockerfile."""
