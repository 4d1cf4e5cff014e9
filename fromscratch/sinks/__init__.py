"""One file for each place that an image is delivered to."""
