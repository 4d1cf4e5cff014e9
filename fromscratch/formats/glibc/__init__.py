"""Files by which GLIBC finds modules, locales and accounts."""
