"""`scripts: sandbox`: the maintainer scripts of packages run by dpkg, in namespaces without a network."""
