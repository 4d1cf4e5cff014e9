"""One file for each place that an image comes from or goes to."""
