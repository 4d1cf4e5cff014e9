"""The folders that an engine needs in an image: where the process starts, volumes, and what is mounted over."""

from collections.abc import Iterator

from fromscratch.checks.start.container import EXECUTE, WRITE, Container, owner_and_mode
from fromscratch.checks.start.finding import Finding
from fromscratch.errors import NotInTree
from fromscratch.model.entry import Directory, kind_of
from fromscratch.model.resolution import walk
from fromscratch.paths import shown

_MOUNTED = ("/proc", "/sys", "/dev")
_FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


def folders(container: Container) -> Iterator[Finding]:
    """What is wrong with them."""
    for path in _MOUNTED:
        entry = container.tree.find(path, follow_last=False)
        if entry is not None and not isinstance(entry, Directory):
            text = f"{path} of the image is a {kind_of(entry)}, and engines mount there"
            yield Finding("error", text, "leave it out of the image, or make it a folder")
    for path in _FILES:
        if isinstance(container.entry(path), Directory):
            text = f"{path} of the image is a folder, and engines mount a file there"
            yield Finding("error", text, "leave it out of the image")
    yield from _working_folder(container)
    for path in container.config.volumes:
        yield from _volume(container, path)


def _working_folder(container: Container) -> Iterator[Finding]:
    path = container.config.working_dir
    if not path:
        return
    fault = _in_the_way(container, path)
    if fault:
        yield Finding("error", f"image.workdir: {fault}", "name a folder; engines make one that is not there")
    elif isinstance(container.entry(path), Directory):
        refusal = container.refusal(path, EXECUTE)
        if refusal:
            hint = "name a folder that the user may enter, or give it another owner or mode"
            yield Finding("note", f"image.workdir: {refusal.replace(' execute ', ' enter ')}", hint)


def _volume(container: Container, path: str) -> Iterator[Finding]:
    fault = _in_the_way(container, path)
    if fault:
        yield Finding("error", f"image.volumes: {fault}", "name a folder; engines make one that is not there")
        return
    if container.who.uid == 0:
        return
    hint = f"bring the folder with the owner {container.who.uid}:{container.who.gid}, as by create_home: or owner:"
    entry = container.entry(path)
    if entry is None:
        text = f"{shown(path)} is not in the image: engines make it for root, and {container.user} may not write to it"
        yield Finding("note", f"image.volumes: {text}", hint)
    elif not container.may(entry.meta, WRITE):
        text = f"{container.user} may not write to {shown(path)} ({owner_and_mode(entry.meta)})"
        yield Finding("note", f"image.volumes: {text}", hint)


def _in_the_way(container: Container, path: str) -> str:
    """What stands where a folder has to be; empty if nothing does."""
    try:
        end = walk(container.tree, path, follow_last=True, must_exist=False)
    except NotInTree as error:
        return shown(error.message.replace(" is not in the tree: ", " cannot be a folder: "))
    entry = container.tree.get(end)
    return "" if entry is None or isinstance(entry, Directory) else f"{shown(path)} is a {kind_of(entry)}, not a folder"
