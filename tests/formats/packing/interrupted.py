"""Packs again and again, interrupted at one step after the other. Fails where that does not end."""

import io
import sys
import threading
from types import FrameType
from typing import Any

from fromscratch.formats.packing import layer, workers
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

TREE = Rootfs({TreePath("/x"): File(Meta(0o644), Inline(bytes(3 << 20)))})
"""Of more blocks than there are threads."""
_WATCHED = {workers.__file__, layer.__file__}


class Interruption:
    """A KeyboardInterrupt at the step of this number, wherever that is."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in _WATCHED:
            return None
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return self


def interrupted(step: int) -> bool:
    """Whether packing was interrupted at that step; it ends in any case."""
    outcomes: list[bool] = []

    def run() -> None:
        sys.settrace(Interruption(step))
        try:
            layer.pack(TREE, io.BytesIO(), threads=2)
            outcomes.append(False)
        except KeyboardInterrupt:
            outcomes.append(True)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert outcomes, f"packing does not end when it is interrupted at step {step}"
    return outcomes[0]


if __name__ == "__main__":
    step = 1
    while interrupted(step):
        step += 1
    assert step > 100, step
