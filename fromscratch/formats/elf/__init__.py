"""ELF files: headers, dynamic section, symbols, versions, notes."""
