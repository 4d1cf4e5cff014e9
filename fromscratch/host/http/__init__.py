"""Files from HTTP servers into the store: verified, resumed, retried."""
