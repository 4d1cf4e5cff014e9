"""Source `bootstrap`: roots made by a distribution's own tool, which runs the scripts of packages, in namespaces."""
