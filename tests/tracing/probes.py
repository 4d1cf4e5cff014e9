"""The recall probe: a program in C with one entry for each kind of access to a file, and the files that are its own.

Each entry NAME of `probe/` uses DIR/NAME, or what `OWN` says instead. What is made here before is all that is there.
"""

import ctypes
import os
import shutil
import socket
import stat
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from fromscratch.formats.elf.headers import NotElf, read_elf
from fromscratch.formats.trace.events import Event
from fromscratch.linker.beyond.scripts.shebang import shebang
from fromscratch.model.content import HostFile
from fromscratch.model.entry import Directory, Entry, Fifo, File, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from tests.engines import need
from tests.hosttree import host_tree

_SOURCES = Path(__file__).parent / "probe"
_DEEP = "/a folder with a name of forty characters " * 90

BELOW = """
    openat_below_a_folder openat_below_a_path_descriptor openat2_in_root below_the_folder_of_proc fstatat faccessat2
    relative_after_chdir relative_after_fchdir nftw fts dotdot double_slashes chroot bind_mount
"""
FOLDERS = "temporary_file_in_a_folder mkdir_of_what_exists rmdir opendir scandir glob"
PROGRAMS = "execve fexecve posix_spawn setuid_program executes_itself"
LIBRARIES = "dlopen dlmopen preloaded_library"
WITH_OWN = "setuid_program executes_itself program_of_32_bits static_program realpath interpreter_of_a_script"

OWN: dict[str, tuple[str, ...]] = {
    **{name: (f"{name}/own",) for name in (*BELOW.split(), "readlinkat", "execveat", "exec_relative", "search_path")},
    **{name: (name, f"{name}.own") for name in WITH_OWN.split()},
    "symlink_to_a_folder": ("symlink_to_a_folder", "symlink_to_a_folder.folder/own"),
    "relative_symlink": ("relative_symlink", "relative_symlink.own"),
    "absolute_symlink": ("absolute_symlink", "absolute_symlink.own"),
    "chain_of_symlinks": tuple(f"chain_of_symlinks{end}" for end in ("", ".1", ".2", ".own")),
    "exec_through_a_symlink": ("exec_through_a_symlink", "exec_through_a_symlink.own"),
    "dotdot_after_a_symlink": ("dotdot_after_a_symlink/link", "dotdot_after_a_symlink/other/own"),
    "interpreter_that_is_a_script": tuple(f"interpreter_that_is_a_script{end}" for end in ("", ".middle", ".own")),
    "script_with_env": ("script_with_env", "script_with_env.folder/probe-own"),
    "program_interpreter": ("program_interpreter", "program_interpreter.own"),
    "needed_library": ("needed_library", "needed_library.folder/libprobe-own.so"),
    "not_utf8": ("not_utf8/\udcff\udcfe",),
    "newline": ("newline/a\nb",),
    "blank": ('blank/ a\t"b\\ ',),
    "long_path": (f"long_path{_DEEP}/own",),
    "locale": ("locale/xx_XX/LC_CTYPE",),
    "translation": ("translation/xx/LC_MESSAGES/probe.mo",),
    "accounts": ("/etc/passwd",),
    "groups": ("/etc/group",),
    "name_service": ("/etc/hosts",),
    "services": ("/etc/services",),
    "character_set": ("gconv/ISO8859-15.so",),  # wherever this machine has it
}


class Probe:
    """The program and its files, in a folder that every user may look into."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.program = folder / "own", folder / "probe"
        self._compile(folder)
        self.names = subprocess.check_output([self.program, "--list"], text=True).split()
        self._prepare()
        self._links = _links(self.folder)

    def command(self, *names: str) -> list[str]:
        return [str(self.program), str(self.folder), *names]

    def tree(self) -> Rootfs:
        """The root of a container that has the probe and its files where they are here, and what they need."""
        entries: dict[TreePath, Entry] = dict(host_tree("sh", "cat", "env"))
        entries[tree_path("/usr/bin/env")] = entries[tree_path("/bin/env")]
        linked = subprocess.check_output(["ldd", self.program], text=True)
        places = [Path(word) for word in linked.split() if word.startswith("/")]
        places += [Path("/etc/hosts"), Path("/etc/services"), Path("/etc/nsswitch.conf")]
        places += [each for folder in Path("/usr/lib").glob("*/gconv") for each in folder.glob("*[!o]")]
        places += Path("/usr/lib").glob("*/gconv/ISO8859-15.so")
        places += [self.program, *self.folder.rglob("*")]
        for place in filter(os.path.lexists, places):
            status = place.lstat() if place.is_relative_to(self.folder) else place.stat()
            meta = Meta(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
            if stat.S_ISLNK(status.st_mode):
                entries[tree_path(str(place))] = Symlink(meta, str(place.readlink()))
            elif stat.S_ISDIR(status.st_mode):
                entries[tree_path(str(place))] = Directory(meta)
            elif stat.S_ISFIFO(status.st_mode):
                entries[tree_path(str(place))] = Fifo(meta)
            elif stat.S_ISREG(status.st_mode):
                entries[tree_path(str(place))] = File(meta, HostFile.of(place.resolve(), place.stat()))
        return Rootfs(entries)

    def missed(self, output: str, events: Iterable[Event]) -> dict[str, list[str]]:
        """Of each entry that the probe has printed to be done, its files that no event leads to."""
        used = self._used(events)
        missed: dict[str, list[str]] = {}
        for name in self.done(output):
            for own in OWN.get(name, (name,)):
                path = str(self.folder / own)
                if path not in used and not (name == "character_set" and any(each.endswith(own) for each in used)):
                    missed.setdefault(name, []).append(own)
        return missed

    def done(self, output: str) -> list[str]:
        return [line.split("\t")[0] for line in output.splitlines() if line.split("\t")[1] == "done"]

    def _used(self, events: Iterable[Event]) -> set[str]:
        """All that the events lead to: each path component by component, and what programs need to be started."""
        used: set[str] = set()
        waiting = [event.path for event in events]
        seen: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            if (place := self._walk(path, used)) and place.startswith(f"{self.folder}/"):
                waiting += _starts(Path(place))
        return used

    def _walk(self, path: str, used: set[str]) -> str | None:
        """Adds the links on the way, and where they lead to; links are as they were before the probe ran."""
        place, rest = "", [part for part in path.split("/") if part]
        for _ in range(4000):
            if not rest:
                used.add(place or "/")
                return place
            part = rest.pop(0)
            if part == ".":
                continue
            if part == "..":
                place = place.rpartition("/")[0]
                continue
            place += f"/{part}"
            target = self._links.get(place)
            if target is None and not place.startswith(str(self.folder)) and Path(place).is_symlink():
                target = str(Path(place).readlink())
            if target is not None:
                used.add(place)
                rest = [part for part in target.split("/") if part] + rest
                place = "" if target.startswith("/") else place.rpartition("/")[0]
        return None

    def _compile(self, folder: Path) -> None:
        compiler = need("cc")
        parts = [str(_SOURCES / f"{name}.c") for name in ("main", "opens", "names", "programs", "libraries")]
        bare = str(_SOURCES / "no_library.c")
        self.folder.mkdir(parents=True)
        (folder / "empty.c").write_text("int probe_own;\n")
        below = self.folder / "needed_library.folder"
        below.mkdir()

        def compile_(target: Path, *arguments: str) -> bool:
            return not subprocess.run([compiler, "-w", "-O1", "-o", target, *arguments], capture_output=True).returncode

        objects = []
        for part in parts:
            objects.append(str(folder / f"{Path(part).stem}.o"))
            subprocess.run([compiler, "-w", "-O1", "-c", "-o", objects[-1], part], check=True)
        assert compile_(self.program, *objects, "-lpthread", "-ldl")
        library = below / "libprobe-own.so"
        assert compile_(library, "-shared", "-fPIC", "-Wl,-soname,libprobe-own.so", str(folder / "empty.c"))
        own = (f"-Wl,--no-as-needed,-rpath,{below}", f"-L{below}", "-lprobe-own")
        assert compile_(self.folder / "needed_library", *objects, "-lpthread", "-ldl", *own)
        other = f"-Wl,--dynamic-linker={self.folder}/program_interpreter.own"
        assert compile_(self.folder / "program_interpreter", *objects, "-lpthread", "-ldl", other)
        shutil.copy(_interpreter(self.program), self.folder / "program_interpreter.own")
        # Both are for machines that have what it takes.
        compile_(self.folder / "program_of_32_bits", "-m32", "-nostdlib", "-static", bare)
        compile_(self.folder / "static_program", "-static", bare)
        for name in LIBRARIES.split():
            shutil.copy(library, self.folder / name)

    def _prepare(self) -> None:
        top = self.folder
        for name in PROGRAMS.split():
            shutil.copy(self.program, top / name)
        for name in ("execveat", "exec_relative", "search_path"):
            self._program(f"{name}/own")
        (top / "setuid_program").chmod(0o4755)
        self._links_and_scripts()
        for name in FOLDERS.split():
            (top / name).mkdir()
        (top / "glob/other").touch()
        os.mkfifo(top / "fifo")
        for name, kind in (("connect", socket.SOCK_STREAM), ("sendto", socket.SOCK_DGRAM)):
            with socket.socket(socket.AF_UNIX, kind) as ours:
                ours.bind(str(top / name))
        for name in self.names:
            for own in OWN.get(name, (name,)):
                path = top / own
                if not os.path.lexists(path) and path.is_relative_to(top) and name not in ("program_of_32_bits",):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(b"own\n")
        for name in (
            "program_of_32_bits.own",
            "chroot/folder/x",
            "dotdot/folder/x",
            "dotdot_after_a_symlink/other/deep/x",
        ):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_bytes(b"own\n")
        (top / OWN["translation"][0]).write_bytes(_catalogue("text", "translated"))
        (top / "bind_mount/over").touch()
        (top / "script_without_interpreter_line").write_text("exit 0\n")
        (top / "script_without_interpreter_line").chmod(0o755)
        _write_handle(top / "open_by_handle_at")

    def _links_and_scripts(self) -> None:
        top = self.folder
        for name, target in (
            ("lstat", "nowhere"),
            ("readlink", "nowhere"),
            ("dangling_symlink", "nowhere"),
            ("readlinkat/own", "nowhere"),
            ("realpath", "realpath.own"),
            ("relative_symlink", "./relative_symlink.own"),
            ("absolute_symlink", f"{top}/absolute_symlink.own"),
            ("symlink_to_a_folder", "symlink_to_a_folder.folder"),
            ("chain_of_symlinks", "chain_of_symlinks.1"),
            ("chain_of_symlinks.1", f"{top}/chain_of_symlinks.2"),
            ("chain_of_symlinks.2", "../own/chain_of_symlinks.own"),
            ("exec_through_a_symlink", "exec_through_a_symlink.own"),
            ("dotdot_after_a_symlink/link", "other/deep"),
        ):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).symlink_to(target)
        for name, text in (
            ("interpreter_of_a_script", f"#!{top}/interpreter_of_a_script.own\n"),
            ("interpreter_that_is_a_script", f"#!{top}/interpreter_that_is_a_script.middle\n"),
            ("interpreter_that_is_a_script.middle", f"#!{top}/interpreter_that_is_a_script.own\n"),
            ("script_with_env", "#!/usr/bin/env probe-own\n"),
        ):
            (top / name).write_text(text)
            (top / name).chmod(0o755)
        for name in ("interpreter_of_a_script.own", "interpreter_that_is_a_script.own", "exec_through_a_symlink.own"):
            self._program(name)
        self._program("script_with_env.folder/probe-own")

    def _program(self, name: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(self.program, self.folder / name)


def _links(top: Path) -> dict[str, str]:
    places = (Path(folder, name) for folder, names, files in os.walk(top) for name in (*names, *files))
    return {str(place): str(place.readlink()) for place in places if place.is_symlink()}


def _starts(path: Path) -> list[str]:
    """What the kernel opens itself to start this program: its interpreter, by #! or PT_INTERP."""
    if not path.is_file() or not path.stat().st_mode & stat.S_IXUSR:
        return []
    raw = path.read_bytes()
    if found := shebang(raw[:256]):
        return [found.interpreter]
    interpreter = _interpreter(path)
    return [interpreter] if interpreter else []


def _interpreter(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return read_elf(lambda offset, size: raw[offset : offset + size]).interpreter or ""
    except NotElf:
        return ""


def _catalogue(text: str, translation: str) -> bytes:
    """A message catalogue of one message, as msgfmt(1) writes it."""
    tables = struct.pack("=2I", len(text), 44) + struct.pack("=2I", len(translation), 44 + len(text) + 1)
    return struct.pack("=7I", 0x950412DE, 0, 1, 28, 36, 0, 44) + tables + f"{text}\0{translation}\0".encode()


def _write_handle(path: Path) -> None:
    """name_to_handle_at(2), whose answer opens the file without naming it; root only may do that."""
    handle, mount = ctypes.create_string_buffer(8 + 128), ctypes.c_int()
    ctypes.c_uint.from_buffer(handle).value = 128
    call = ctypes.CDLL(None, use_errno=True).name_to_handle_at
    if call(-100, os.fsencode(path), handle, ctypes.byref(mount), 0) == 0:
        Path(f"{path}.handle").write_bytes(handle.raw)
    Path(f"{path}.mount").touch()
