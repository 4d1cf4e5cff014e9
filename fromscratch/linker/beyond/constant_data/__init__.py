"""What programs and libraries name in constant data: files and folders, judged by kind and owner."""
