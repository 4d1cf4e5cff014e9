"""fromscratch: any root filesystem source, one tree model, any container format."""

__version__ = "0.1.0"
