"""Finder of the files that programs used while they were recorded on the machine that the files come from.

What a run used is one thing, what the image is to have another: files of the machine's own affairs (accounts, names,
caches, devices, people's homes) and those of the folder in which the command ran are not taken.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from fromscratch import paths
from fromscratch.formats.trace.events import Event, Trace
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Scene
from fromscratch.model import view as views
from fromscratch.paths import TreePath, is_within, shown, tree_path

KIND = "recorded"
_MAX_NAMED = 5
# What a machine has for itself, whoever runs there: filesystem hierarchy standard, 3 and 5; ld.so(8); systemd.
_TOP = (
    "boot", "dev", "home", "lost+found", "media", "mnt", "proc", "root", "run", "srv", "sys", "tmp",
)  # fmt: skip
_VAR = (
    "cache", "lib/apt", "lib/dpkg", "lib/rpm", "lock", "log", "mail", "run", "spool", "tmp",
)  # fmt: skip
_ETC = (
    ".pwd.lock", "fstab", "group", "group-", "gshadow", "hostname", "hosts", "ld.so.cache", "ld.so.preload",
    "localtime", "machine-id", "mtab", "nsswitch.conf", "passwd", "passwd-", "resolv.conf", "shadow", "ssh",
    "ssl/private", "subgid", "subuid", "sudoers", "sudoers.d", "timezone",
)  # fmt: skip
_FLEETING = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/run", "/var/tmp")
_MADE = {f"/etc/{name}" for name in _ETC if name not in ("ssh", "ssl/private", "sudoers", "sudoers.d")}
_OF_THE_MACHINE = (
    *(f"/{name}" for name in _TOP),
    *(f"/var/{name}" for name in _VAR),
    *(f"/etc/{name}" for name in _ETC),
)


class Recorded(Struct, frozen=True):
    """A trace of this machine. `own` are folders that the recorded commands worked in, absolute and without symlinks.

    `extra` are globs of files that are taken whatever they are.
    """

    trace: Trace
    own: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def find(scene: Scene, *, recorded: Recorded) -> Iterator[Finding]:
    """What was used and is still there, and a warning that names what was used and is not taken."""
    first = next(iter((*scene.requested, *scene.objects)), paths.ROOT)
    commands = {run.number: run.title for run in recorded.trace.runs}
    is_extra = paths.matcher(recorded.extra)
    left_out: dict[str, None] = {}
    seen: set[str] = set()
    for event in recorded.trace.events:
        if event.kind == "missing" or event.path in seen:
            continue
        seen.add(event.path)
        place = views.place(scene.view, event.path)
        if place is None:
            continue  # the run has removed it
        # A path with `..` cannot be one of an image; the symlinks on its way are not needed by that name either.
        path = place if ".." in event.path.split("/") else tree_path(event.path)
        if not is_extra(place) and _is_apart(path, place, recorded.own):
            if not _is_expected(path) and scene.size(place):
                left_out[place] = None
            continue
        by = views.place(scene.view, event.process) if event.process else None
        yield NeededFile(path, by or first, _detail(event, commands), KIND, "declared", optional=True)
    if left_out:
        yield FinderWarning(_left_out(list(left_out)), KIND)


def _is_apart(path: TreePath, place: TreePath, own: Sequence[str]) -> bool:
    """Whether a file, by the path it was opened by or by its own, belongs to the machine or to what was worked on."""
    return any(is_within(each, TreePath(top)) for top in (*_OF_THE_MACHINE, *own) for each in (path, place))


def _is_expected(path: TreePath) -> bool:
    """Whether an image is expected to have none of it, or one of its own."""
    return path in _MADE or any(is_within(path, TreePath(top)) for top in _FLEETING)


def _detail(event: Event, commands: dict[int, str]) -> str:
    command = commands.get(event.run, "")
    run = f"run {event.run}: {command}" if command else f"run {event.run}"
    return f"{shown(event.process)} in {run}" if event.process else run


def _left_out(places: Sequence[str]) -> str:
    more = f" and {len(places) - _MAX_NAMED} more" if len(places) > _MAX_NAMED else ""
    names = ", ".join(shown(place) for place in places[:_MAX_NAMED])
    return f"used while it was recorded, and left to the machine: {names}{more}; what the image needs of it, add"
