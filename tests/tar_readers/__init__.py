"""Programs that read the same tar headers, held against each other: engines, GNU tar, bsdtar and our reader."""
