"""Trees of ours beside the same packages installed by apt, in a chroot whose services do not start."""
