"""Container engines (docker, podman, buildah, containerd): one module each, and the contract that they share."""
