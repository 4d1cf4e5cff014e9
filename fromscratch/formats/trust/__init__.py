"""Signatures, certificate names and stored logins, as bytes; nothing here decides whom to trust."""
