"""Files that no image has because each container makes its own when it starts, such as keys."""

from fromscratch.transforms.shell.machine import Machine


class ToCome:
    """Their paths. Scripts change the owner of such a file after they have made it: that is made at the start too."""

    def __init__(self) -> None:
        self.paths: set[str] = set()


def is_made_at_start(machine: Machine, path: str) -> bool:
    """Whether a container will make this file, which the tree does not have."""
    return path in machine.state(ToCome).paths and machine.tree.find(path, follow_last=False) is None
