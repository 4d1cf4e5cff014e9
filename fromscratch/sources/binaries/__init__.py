"""Source `binaries`: programs of this machine or a sysroot, with everything that they need."""
