"""One broken image a line: what is broken in it, and all that the start check says of it."""

from typing import Any, NamedTuple

import pytest

from fromscratch.model.image import Healthcheck, RunConfig
from fromscratch.paths import TreePath
from tests.checks.start.images import ROOT, Files, findings, image, said
from tests.formats.elf.made import AARCH64, elf
from tests.sysroots import LOADER, MULTIARCH, library, program

WEBD = ("/usr/sbin/webd",)
X = ("/x",)
PATH = "PATH (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"
ADD = "add the package or file that has it under rootfs:, or name another program"
SELF = "give the file the mode 0755 where it comes from (modes:, or chmod +x)"
CRLF = (
    "its lines end in CR LF, and Linux takes the CR for a part of the line -> "
    r"save it with the line ends of Unix, as `sed -i 's/\r$//'` does"
)


class Broken(NamedTuple):
    """What is put into the image, its modes and its configuration, and the lines of the start check."""

    what: str
    files: Files
    modes: dict[str, str]
    config: RunConfig
    expected: tuple[str, ...]


def broken(
    what: str, *expected: str, files: Files | None = None, modes: dict[str, str] | None = None, **config: Any
) -> Broken:
    return Broken(what, files or {}, modes or {}, RunConfig(**config), expected)


COMMANDS = [
    broken(
        "bash where there is only sh",
        "error: image.cmd: /bin/bash is not in the image -> "
        "/usr/bin/sh is there: write that, or add bash under rootfs:",
        cmd=("/bin/bash",),
    ),
    broken(
        "bash by its name",
        f"error: image.cmd: there is no program 'bash' in {PATH} -> "
        "/usr/bin/sh is there: write that, or add bash under rootfs:",
        cmd=("bash", "-c", "date"),
    ),
    broken(
        "a shell in an image without any",
        "error: image.cmd: /bin/sh is not in the image -> "
        "the image has no shell: name the program itself, or add sh under rootfs:",
        files={"/usr/bin/sh": None},
        cmd=("/bin/sh",),
    ),
    broken(
        "a slip of the pen",
        f"error: image.cmd: there is no program 'wedb' in {PATH} -> did you mean /usr/sbin/webd?",
        cmd=("wedb",),
    ),
    broken(
        "the right name in another folder",
        "error: image.entrypoint: /usr/bin/webd is not in the image -> /usr/sbin/webd is there: write that",
        entrypoint=("/usr/bin/webd",),
    ),
    broken(
        "the right name far away",
        f"error: image.cmd: there is no program 'javac' in {PATH} -> "
        "/usr/lib/jvm/21/bin/javac is there: write that, or put its folder into PATH",
        files={"/usr/lib/jvm/21/bin/javac": program()},
        cmd=("javac",),
    ),
    broken(
        "a PATH without its folder",
        "error: image.cmd: there is no program 'webd' in PATH (/bin) -> /usr/sbin/webd is there: write that",
        cmd=("webd",),
        env={"PATH": "/bin"},
    ),
    broken(
        "several words in one",
        "error: image.cmd: there is no program 'webd -f' -> each item of the list is one word: write [webd, -f]",
        cmd=("webd -f",),
    ),
    broken(
        "several words in one, with a sign that shells know at its end",
        "error: image.cmd: there is no program '/usr/sbin/webd -g daemon=off;' -> "
        "each item of the list is one word: write [/usr/sbin/webd, -g, daemon=off;]",
        cmd=("/usr/sbin/webd -g daemon=off;",),
    ),
    broken(
        "text for a shell",
        "error: image.cmd: there is no program 'cd /srv && webd' -> "
        "only a shell understands that: write [/bin/sh, -c, 'cd /srv && webd']",
        cmd=("cd /srv && webd",),
    ),
    broken(
        "quotes that no shell takes off",
        "error: image.cmd: there is no program '\"/usr/sbin/webd\"' -> "
        "each item of the list is one word as it stands: write [/usr/sbin/webd], without quotes inside",
        cmd=('"/usr/sbin/webd"',),
    ),
    broken(
        "a variable that no shell expands",
        "error: image.cmd: there is no program '$APP/run' -> "
        'no shell reads the command, so nothing is expanded: write the path, or [/bin/sh, -c, "..."]',
        cmd=("$APP/run",),
    ),
    broken(
        "an empty word",
        "error: image.cmd: its first word is empty -> name a program, such as /bin/sh",
        cmd=("",),
    ),
    broken(
        "a path in the working directory",
        "error: image.cmd: /srv/rum is not in the image -> did you mean /srv/run?",
        files={"/srv/run": program()},
        cmd=("./rum",),
        working_dir="/srv",
    ),
    broken(
        "no command at all",
        "note: the image names no command: whoever starts a container of it has to -> "
        "write one under image: cmd:, unless the image is a base of others",
        env={"PATH": "/bin"},
    ),
    broken(
        "a directory",
        "error: image.cmd: /usr/sbin is a directory, not a program -> name a program in it, such as /usr/sbin/webd",
        cmd=("/usr/sbin",),
    ),
    broken(
        "a file that nobody may execute",
        f"error: image.cmd: nobody may execute /x (mode 0644, owner 0:0) -> {SELF}",
        files={"/x": b"#!/bin/sh\n"},
        modes={"/x": "0644 0:0"},
        cmd=X,
    ),
    broken(
        "a program of root alone",
        f"error: image.cmd: user 1000 may not execute /usr/sbin/webd (mode 0700, owner 0:0) -> {SELF}",
        modes={"/usr/sbin/webd": "0700 0:0"},
        cmd=WEBD,
        user="app",
    ),
    broken(
        "a program in a folder of root alone",
        "error: image.cmd: user 1000 may not enter /root (mode 0700, owner 0:0) -> "
        "give the folder the mode 0755 where it comes from (modes:), or run as its owner (image: user:)",
        files={"/root/app": program()},
        cmd=("/root/app",),
        user="app",
    ),
    broken(
        "a symlink to what is not there",
        "error: image.cmd: /bin/sh is a symlink to /usr/bin/busybox, which is not in the image -> "
        "the image has no shell: name the program itself, or add sh under rootfs:",
        files={"/usr/bin/sh": "-> busybox"},
        cmd=("/bin/sh",),
    ),
    broken(
        "a dangling symlink that PATH leads to",
        f"error: image.cmd: /usr/bin/run is a symlink to /opt/run, which is not in the image -> {ADD}",
        files={"/usr/bin/run": "-> /opt/run"},
        cmd=("run",),
    ),
    broken(
        "symlinks in a circle",
        f"error: image.cmd: /bin/a is a symlink that leads back to itself -> {ADD}",
        files={"/usr/bin/a": "-> b", "/usr/bin/b": "-> a"},
        cmd=("/bin/a",),
    ),
    broken(
        "a path through a file",
        f"error: image.cmd: /etc/passwd/run is not in the image: /etc/passwd is a file -> {ADD}",
        cmd=("/etc/passwd/run",),
    ),
    broken(
        "a name of busybox that it does not know",
        "error: image.cmd: /usr/bin/vi is busybox, which has no applet 'vi' -> "
        "name one that it has, or add the program itself under rootfs:",
        files={"/usr/bin/busybox": program(data=b"\0cat\0ls\0sh\0"), "/usr/bin/vi": "-> busybox"},
        cmd=("vi",),
    ),
    broken(
        "a health check that cannot start",
        f"error: image.healthcheck: /bin/check is not in the image -> {ADD}",
        cmd=WEBD,
        healthcheck=Healthcheck(test=("CMD", "/bin/check")),
    ),
    broken(
        "a health check for a shell in an image without any",
        "error: image.healthcheck: /bin/sh is not in the image -> "
        "the image has no shell: name the program itself, or add sh under rootfs:",
        files={"/usr/bin/sh": None},
        cmd=WEBD,
        healthcheck=Healthcheck(test=("CMD-SHELL", "webd --check || exit 1")),
    ),
    broken(
        "a program that comes with a volume, perhaps",
        "note: image.cmd: /data/run is not in the image; it lies in a volume, so it may come with that -> " + ADD,
        cmd=("/data/run",),
        volumes=("/data",),
    ),
]

FORMS = [
    broken(
        "an empty file",
        "error: image.cmd: /x is empty -> see why it has no bytes where it comes from",
        files={"/x": b""},
        cmd=X,
    ),
    broken(
        "a script without #!",
        "error: image.cmd: /x is neither an ELF program nor a script that begins with #! -> "
        "begin it with a line such as #!/bin/sh",
        files={"/x": b"echo hello\n"},
        cmd=X,
    ),
    broken(
        "a byte order mark",
        "error: image.cmd: /x begins with a byte order mark, so Linux does not see its #! -> "
        "save it as UTF-8 without a byte order mark",
        files={"/x": b"\xef\xbb\xbf#!/bin/sh\n"},
        cmd=X,
    ),
    broken(
        "a program for another architecture",
        "error: image.cmd: /x is a program for arm64, not for linux/amd64 -> "
        "bring the program for amd64, or build for linux/arm64",
        files={"/x": elf(machine=AARCH64, interpreter="/lib/ld-linux-aarch64.so.1")},
        cmd=X,
    ),
    broken(
        "a program for a machine that no image is for",
        "error: image.cmd: /x is a program for sparc, not for linux/amd64 -> bring the program for amd64",
        files={"/x": elf(machine=2, bits=32, big=True, type="exec")},
        cmd=X,
    ),
    broken(
        "a library",
        "error: image.cmd: /lib/x86_64-linux-gnu/libweb.so.1 is a shared library, not a program -> "
        "name the program that uses it",
        cmd=("/lib/x86_64-linux-gnu/libweb.so.1",),
    ),
    broken(
        "a program that is cut",
        "error: image.cmd: /x is damaged: it ends after 40 bytes, within the header -> build or install it again",
        files={"/x": program()[:40]},
        cmd=X,
    ),
    broken(
        "CR LF behind the interpreter",
        rf"error: image.cmd: /x begins with '#!/bin/sh\r': {CRLF}",
        files={"/x": b"#!/bin/sh\r\necho\r\n"},
        cmd=X,
    ),
    broken(
        "CR LF behind env and a name",
        rf"error: image.cmd: /x begins with '#!/usr/bin/env sh\r': {CRLF}",
        files={"/x": b"#!/usr/bin/env sh\r\n"},
        cmd=X,
    ),
    broken(
        "an interpreter that is not there",
        f"error: image.cmd: /x begins with '#!/usr/bin/python3': /usr/bin/python3 is not in the image -> {ADD}",
        files={"/x": b"#!/usr/bin/python3\n"},
        cmd=X,
    ),
    broken(
        "an interpreter that env does not find",
        f"error: image.cmd: /x begins with '#!/usr/bin/env python3': env finds no program 'python3' in {PATH} -> {ADD}",
        files={"/x": b"#!/usr/bin/env python3\n"},
        cmd=X,
    ),
    broken(
        "an argument for env without -S",
        f"error: image.cmd: /x begins with '#!/usr/bin/env sh -e': env finds no program 'sh -e' in {PATH} -> "
        "env splits its argument only with -S: write #!/usr/bin/env -S sh -e",
        files={"/x": b"#!/usr/bin/env sh -e\n"},
        cmd=X,
    ),
    broken(
        "an interpreter that is a script whose interpreter is missing",
        f"error: image.cmd: /x begins with '#!/y': /y begins with '#!/gone': /gone is not in the image -> {ADD}",
        files={"/x": b"#!/y\n", "/y": b"#!/gone\n"},
        cmd=X,
    ),
    broken(
        "interpreters in a circle",
        "error: image.cmd: /x begins with '#!/y': the interpreters are scripts themselves, more than the 5 that Linux "
        "follows -> name a program in its first line",
        files={"/x": b"#!/y\n", "/y": b"#!/x\n"},
        cmd=X,
    ),
    broken(
        "a script that its user may not read",
        "error: image.cmd: user 1000 may not read /x (mode 0711, owner 0:0), so its interpreter cannot either -> "
        "give it the mode 0755",
        files={"/x": b"#!/bin/sh\n"},
        modes={"/x": "0711 0:0"},
        cmd=X,
        user="app",
    ),
]

LIBRARIES = [
    broken(
        "no loader",
        "error: image.cmd: /usr/sbin/webd needs the loader /lib64/ld-linux-x86-64.so.2: /lib64/ld-linux-x86-64.so.2 is "
        "a symlink to /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2, which is not in the image -> "
        "add the C library that the program was built for, or link it statically",
        files={f"{MULTIARCH}/ld-linux-x86-64.so.2": None},
        cmd=WEBD,
    ),
    broken(
        "a program for musl in a root of GLIBC",
        "error: image.cmd: /x needs the loader /lib/ld-musl-x86_64.so.1: /lib/ld-musl-x86_64.so.1 is not in the image "
        f"-> the image has {LOADER}, of GLIBC: bring a program that was built for it, or take both from one root",
        files={"/x": elf(interpreter="/lib/ld-musl-x86_64.so.1", needed=["libc.musl-x86_64.so.1"])},
        cmd=X,
    ),
    broken(
        "no library",
        "error: image.cmd: libweb.so.1, needed by /usr/sbin/webd, is not in the image -> "
        "add the package or file that has it under rootfs:",
        files={f"{MULTIARCH}/libweb.so.1": None},
        cmd=WEBD,
    ),
    broken(
        "a library of a library",
        "error: image.cmd: libssl.so.3, needed by /lib/x86_64-linux-gnu/libweb.so.1, is not in the image -> "
        "add the package or file that has it under rootfs:",
        files={f"{MULTIARCH}/libweb.so.1": library("libweb.so.1", "libssl.so.3")},
        cmd=WEBD,
    ),
    broken(
        "a library where the loader does not look",
        "error: image.cmd: libweb.so.1, needed by /usr/sbin/webd, is in the image (/opt/lib/libweb.so.1), but its "
        "loader would not find it -> set LD_LIBRARY_PATH: /opt/lib under image: env:, or put it where the loader looks",
        files={f"{MULTIARCH}/libweb.so.1": None, "/opt/lib/libweb.so.1": ROOT[f"{MULTIARCH}/libweb.so.1"]},
        cmd=WEBD,
    ),
    broken(
        "text in place of a library",
        "error: image.cmd: libweb.so.1, needed by /usr/sbin/webd: /lib/x86_64-linux-gnu/libweb.so.1: it is not an ELF "
        "file; the search ends there -> bring the library for this program in its place",
        files={f"{MULTIARCH}/libweb.so.1": b"/* GNU ld script */"},
        cmd=WEBD,
    ),
    broken(
        "a libc that is too old",
        "error: image.cmd: /x needs GLIBC_2.38 of /lib/x86_64-linux-gnu/libc.so.6, which is older -> "
        "take the program and its libraries from one root, or build it for the older library",
        files={"/x": program(needs_versions={"libc.so.6": ["GLIBC_2.38"]})},
        cmd=X,
    ),
    broken(
        "a library that its user may not read",
        "error: image.cmd: user 1000 may not read /lib/x86_64-linux-gnu/libweb.so.1 (mode 0600, owner 0:0), which "
        "/usr/sbin/webd needs -> give it the mode 0755 where it comes from (modes:)",
        modes={f"{MULTIARCH}/libweb.so.1": "0600 0:0"},
        cmd=WEBD,
        user="app",
    ),
    broken(
        "an interpreter that lacks a library",
        "error: image.cmd: /x begins with '#!/usr/bin/lua': liblua.so.5, needed by /usr/bin/lua, is not in the image "
        "-> add the package or file that has it under rootfs:",
        files={"/x": b"#!/usr/bin/lua\n", "/usr/bin/lua": program("liblua.so.5")},
        cmd=X,
    ),
    broken(
        "an object to be preloaded that is not there",
        "note: image.cmd: /usr/lib/libjemalloc.so.2, which is to be preloaded, is not found: the loader starts without "
        "it -> bring it, or leave it out",
        files={"/etc/ld.so.preload": b"/usr/lib/libjemalloc.so.2\n"},
        cmd=WEBD,
    ),
]

ACCOUNTS_AND_FOLDERS = [
    broken(
        "an unknown user",
        "error: image.user: /etc/passwd of the image has no 'ap' -> "
        "did you mean app? Or add it with accounts: users:, or write a number",
        cmd=WEBD,
        user="ap",
    ),
    broken(
        "an unknown group",
        "error: image.user: /etc/group of the image has no 'wbe' -> "
        "did you mean web? Or add it with accounts: groups:, or write a number",
        cmd=WEBD,
        user="app:wbe",
    ),
    broken(
        "a user by name without /etc/passwd",
        "error: image.user: 'app' needs /etc/passwd, which is not in the image -> "
        "add it with accounts: users:, or write a number",
        files={"/etc/passwd": None},
        cmd=WEBD,
        user="app",
    ),
    broken(
        "a file as working directory",
        "error: image.workdir: /etc/passwd is a file, not a folder -> "
        "name a folder; engines make one that is not there",
        cmd=WEBD,
        working_dir="/etc/passwd",
    ),
    broken(
        "a working directory below a file",
        "error: image.workdir: /etc/passwd/x cannot be a folder: /etc/passwd is a file -> "
        "name a folder; engines make one that is not there",
        cmd=WEBD,
        working_dir="/etc/passwd/x",
    ),
    broken(
        "a working directory that its user may not enter",
        "note: image.workdir: user 1000 may not enter /root (mode 0700, owner 0:0) -> "
        "name a folder that the user may enter, or give it another owner or mode",
        cmd=WEBD,
        user="app",
        working_dir="/root",
    ),
    broken(
        "a file as volume",
        "error: image.volumes: /etc/passwd is a file, not a folder -> "
        "name a folder; engines make one that is not there",
        cmd=WEBD,
        volumes=("/etc/passwd",),
    ),
    broken(
        "volumes that the user may not write to",
        "note: image.volumes: /data is not in the image: engines make it for root, and user 1000 may not write to it "
        "-> bring the folder with the owner 1000:1000, as by create_home: or owner:",
        "note: image.volumes: user 1000 may not write to /etc (mode 0755, owner 0:0) -> "
        "bring the folder with the owner 1000:1000, as by create_home: or owner:",
        cmd=WEBD,
        user="app",
        volumes=("/data", "/etc", "/srv"),
    ),
    broken(
        "a file where engines mount",
        "error: /proc of the image is a file, and engines mount there -> "
        "leave it out of the image, or make it a folder",
        files={"/proc": b""},
        cmd=WEBD,
    ),
    broken(
        "a folder where engines mount a file",
        "error: /etc/hosts of the image is a folder, and engines mount a file there -> leave it out of the image",
        modes={"/etc/hosts": "0755 0:0"},
        cmd=WEBD,
    ),
]

TABLE = [*COMMANDS, *FORMS, *LIBRARIES, *ACCOUNTS_AND_FOLDERS]


@pytest.mark.parametrize("each", TABLE, ids=[each.what for each in TABLE])
def test_a_broken_image_is_named_rightly(each: Broken) -> None:
    assert said(findings(image(each.files, each.modes), each.config)) == [*each.expected]


def test_a_trimmed_library_and_the_symlink_to_it_are_both_kept() -> None:
    path = TreePath(f"{MULTIARCH}/libweb.so.1")
    removed = {path: "gconv", TreePath(f"{path}.0.4"): "gconv"}
    (found,) = findings(image().without([path]), RunConfig(cmd=WEBD), removed=removed)
    assert found.hint == f"'gconv' under trim: took it; put '!{path}*' behind that rule"


def test_a_symlink_whose_target_was_trimmed_is_named_with_that() -> None:
    tree = image({"/usr/bin/sh": None})
    removed = {TreePath("/usr/bin/sh"): "**/dash, which takes /usr/bin/dash"}
    (found,) = findings(tree, RunConfig(cmd=("/bin/sh",)), removed=removed)
    assert found.hint == "'**/dash' under trim: took it; put '!/usr/bin/dash' behind that rule"


def test_a_library_that_several_need_is_told_once() -> None:
    needing = {f"{MULTIARCH}/lib{each}.so": library(f"lib{each}.so", "libz.so.1") for each in "abc"}
    tree = image({**needing, "/x": program("liba.so", "libb.so", "libc.so", "libz.so.1")})
    (found,) = findings(tree, RunConfig(cmd=X))
    where = "/lib/x86_64-linux-gnu/liba.so"
    assert found.text == f"image.cmd: libz.so.1, needed by /x, {where} and 2 more, is not in the image"


def test_a_command_that_lacks_what_its_recipe_allows_is_a_note() -> None:
    tree = image({f"{MULTIARCH}/libweb.so.1": None})
    (found,) = findings(tree, RunConfig(cmd=WEBD), may_lack=lambda name: name == "libweb.so.1")
    assert (found.level, found.text) == (
        "note",
        "image.cmd: the recipe allows that libweb.so.1 is missing: without, it cannot start",
    )


def test_what_was_trimmed_is_named_with_its_rule() -> None:
    whole = image()
    rules = {
        f"{MULTIARCH}/libc.so.6": "/usr/lib/*/libc.so*",
        "/usr/sbin/webd": "/usr/sbin",
        f"/usr{LOADER}": "/usr/lib64",
        f"{MULTIARCH}/libweb.so.1": "gconv",
    }
    for path, rule in rules.items():
        tree = whole.without([path])  # type: ignore[list-item]
        (found,) = findings(tree, RunConfig(cmd=WEBD), removed={path: rule})
        assert found.level == "error"
        assert found.hint == f"{rule!r} under trim: took it; put '!{path}' behind that rule"
