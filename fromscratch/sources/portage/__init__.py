"""Source `portage`: packages that Gentoo's Portage builds from source, with what they need at run time."""
