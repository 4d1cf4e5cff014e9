"""Running a build on this machine's programs, or another system's, and on nothing else of it: a root without network.

The root has the system's folders read-only, accounts of its own, and a writable folder for the build. The
command runs as a user without any rights, whoever calls: in a user namespace for an ordinary user, and for root as a
user that owns nothing else. Changes of owners succeed and do nothing, as `install -o` needs it
(`formats.oci_runtime.one_user`).
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.formats.glibc.passwd import Identity
from fromscratch.formats.oci_runtime import one_user
from fromscratch.host.container import spec, start_failure
from fromscratch.host.storage import disk
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs

UID = 65532
"""The number of the user that builds, in the root and as root's caller outside of it; no distribution gives it away."""

_PACKAGE = Path(__file__).parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.outer import main; main()"
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
# What compilers and interpreters read below /etc; accounts, hosts and secrets of the machine are not among it.
_ETC = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "perl",
    "python3",
    "ssl/openssl.cnf",
)
_OWN = ("proc", "sys", "dev", "tmp", "build", "tools", "run")
PASSWD = f"root:x:0:0:root:/:/bin/sh\nbuild:x:{UID}:{UID}:build:/build/home:/bin/sh\n"
GROUP = f"root:x:0:\nbuild:x:{UID}:\n"
_ACCOUNTS = (
    ("passwd", PASSWD),
    ("group", GROUP),
    ("hosts", "127.0.0.1 localhost fromscratch\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
)
_LINE = 1 << 16


class Build(Struct, frozen=True, kw_only=True):
    """A command for `run_build`: `root` was made by `make_root` over the same `system`, `cwd` is a folder in it.

    `system` is a folder whose programs the command has; without one they are this machine's. `folders` are further ones
    of this machine that are there, by their path inside. All of that is read-only.
    """

    root: Path
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    system: Path | None = None
    folders: Mapping[str, Path] = {}


def make_root(root: Path, system: Path | None = None) -> None:
    """Make the parts of a root that are not the system's, in an empty folder. Raises ImageError."""
    with disk.explained(root):
        root.chmod(0o755)
        for name in _OWN if system else (*_OWN, "etc", "var", "var/tmp"):
            (root / name).mkdir()
            (root / name).chmod(0o1777 if name.endswith("tmp") else 0o755)  # whatever the umask
        for name, text in () if system else _ACCOUNTS:
            (root / "etc" / name).write_text(text)
            (root / "etc" / name).chmod(0o644)
        for name in _system_folders(system):
            place = (system or Path("/")) / name
            if place.is_symlink():
                (root / name).symlink_to(place.readlink())
        for path, place in _bound(system, {}).items():
            _make_place(root, path, is_folder=place.is_dir())


def hand_over(folder: Path) -> None:
    """Have a folder and all in it belong to the user that builds; an ordinary user is that already."""
    if os.geteuid() != 0:
        return
    with disk.explained(folder):
        for top, folders, files in os.walk(os.fsencode(folder)):
            for name in (b".", *folders, *files):
                os.chown(os.path.join(top, name), UID, UID, follow_symlinks=False)  # noqa: PTH118 - paths are bytes


def run_build(build: Build, on_line: Callable[[bytes], None]) -> int:
    """Run the command to its end, each line that it writes given to `on_line`; the answer is its exit code.

    Everything that it has started has ended then too. Raises MissingTool if the kernel does not let this user make such
    a root, and ImageError if the command cannot be started.
    """
    for path in build.folders:
        _make_place(build.root, path, is_folder=True)
    users = spec.user_map(None)
    here = Platform.of_this_machine()
    document = {
        **spec.document(build.root, Rootfs(), users, None),
        **spec.Program(build.argv, build.env, build.cwd, Identity(UID, UID)).fields(),
        "one_user": base64.b64encode(one_user.program(here.architecture)).decode(),
        "binds": [[str(source), path] for path, source in _bound(build.system, build.folders).items()],
    }
    place = build.root.with_name("spec.json")
    place.write_text(json.dumps(document))
    errors, write_end = os.pipe()
    with open(errors, "rb") as report:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE), str(place), str(write_end), "-1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(write_end,),
            )
        finally:
            os.close(write_end)
        with process:
            try:
                while process.stdout is not None and (line := process.stdout.readline(_LINE)):
                    on_line(line)
                code = process.wait()
            except BaseException:
                process.kill()  # and with it all that is in its namespaces
                raise
        failure = report.read()
    if failure:
        raise start_failure.error_for(json.loads(failure), list(build.argv), here)
    return code if code >= 0 else 128 - code


def check_possible(place: Path) -> None:
    """Raises MissingTool if a build cannot be run below `place`, an empty folder."""
    root = place / "root"
    with disk.explained(root):
        root.mkdir()
    make_root(root)
    run_build(Build(root=root, argv=["/bin/sh", "-c", ":"], env={}, cwd="/build"), lambda line: None)


def _system_folders(system: Path | None) -> list[str]:
    """The names at the top of a system that a build sees."""
    if system is None:
        return [name for name in _SYSTEM if Path("/", name).is_dir()]
    return sorted(each.name for each in system.iterdir() if each.name not in _OWN)


def _bound(system: Path | None, folders: Mapping[str, Path]) -> dict[str, Path]:
    """What is there of a system and of this machine, by its path inside."""
    top = system or Path("/")
    there = {f"/{name}": top / name for name in _system_folders(system) if not (top / name).is_symlink()}
    if system is None:
        there |= {f"/etc/{name}": Path("/etc", name) for name in _ETC if Path("/etc", name).exists()}
    return {**there, **folders}


def _make_place(root: Path, path: str, *, is_folder: bool) -> None:
    """What something of this machine can be mounted over."""
    place = root
    *above, name = path.strip("/").split("/")
    with disk.explained(root):
        for each in [*above, name] if is_folder else above:
            place /= each
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
        if not is_folder:
            (place / name).touch()
