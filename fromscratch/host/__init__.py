"""Every side effect: programs, network, disk, namespaces."""
