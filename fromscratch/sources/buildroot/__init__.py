"""Source `buildroot`: root filesystems that Buildroot builds from source."""
