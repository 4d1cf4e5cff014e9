"""What Gentoo's package manager leaves in a root: the records of Portage."""
