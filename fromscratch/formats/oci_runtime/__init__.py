"""The OCI runtime specification v1.0: how a container is described to crun and runc."""
