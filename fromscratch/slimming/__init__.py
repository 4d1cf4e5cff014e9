"""From the files that were used to the tree that is kept, and the reports on what was left out."""
