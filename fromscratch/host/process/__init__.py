"""The one gate through which programs are started, with signals, threads and standard input."""
