"""What an image is asked before it leaves: whether it can start, and whether it answers as its recipe says."""
