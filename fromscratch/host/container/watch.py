"""Who watches what a container does with its files: recorders are written to this."""

from typing import Protocol


class Watch(Protocol):
    """Called by `host.container.running`, in the thread that asks the container for something."""

    @property
    def filter(self) -> bytes:
        """An array of struct sock_filter, or nothing: it answers SECCOMP_RET_USER_NOTIF to the calls for the listener.

        Every command gets it on top of its confinement, whose refusals come first. It must let sendmsg(2), prctl(2),
        seccomp(2) and close(2) through: the process that becomes the command makes them before anyone can listen.
        """

    def before_start(self, init_pid: int) -> None:
        """The root is ready at /proc/`init_pid`/root, and nothing of the image runs."""

    def listener(self, fd: int, label: str) -> None:
        """The notification descriptor, now this object's own, of a command (`label`) that is about to start.

        It must be served by another thread: the command starts only when its calls are answered. Its first calls are of
        our own process that becomes the command: chdir(2) into the working directory, then one execve(2) for each
        folder of PATH until the program is found.
        """
