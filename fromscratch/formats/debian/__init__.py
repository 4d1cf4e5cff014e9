"""What Debian archives are made of: packages, indexes, versions and relations."""
