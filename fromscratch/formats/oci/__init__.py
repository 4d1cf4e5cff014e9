"""The OCI image specification v1.1: documents, layouts, archives, artifacts."""
