"""The files of the dynamic loader: ld.so.cache and ld.so.conf."""
