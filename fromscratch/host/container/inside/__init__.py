"""What runs between `host.container.private_root` and the image's command: a program of its own.

It uses the standard library alone.
So it starts fast, from any folder, and as any user. Its first process (`outer`) makes the namespaces and waits outside;
its child (`init`) is process 1 inside, prepares the root and reaps; that one's child (`command`) becomes the command.
A failure before the command runs is written to a pipe as one JSON object.
"""
