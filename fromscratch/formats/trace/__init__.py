"""Trace files, which list the files that programs used: ours, and those of other recorders."""
