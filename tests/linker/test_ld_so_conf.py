"""The directories of ld.so.conf, against those that ldconfig says it goes through."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from fromscratch.errors import FormatError
from fromscratch.host.container.materialise import materialise
from fromscratch.host.machine.view import MachineView
from fromscratch.linker.ld_so_conf import conf_directories
from fromscratch.model.rootfs import Rootfs
from tests.engines import missing, need
from tests.trees import tree


def conf(text: str, *more: str) -> Rootfs:
    """A root with this ld.so.conf, some directories, and further lines of a tree."""
    folders = ["/opt/a", "/opt/b", "/opt/c", "/opt/a b", "/srv/lib"]
    lines = [f"f 0644 0:0 /etc/ld.so.conf {text!r}", *(f"d 0755 0:0 {folder}" for folder in folders), *more]
    return tree("\n".join(line.replace("/opt/a b", r"/opt/a\x20b") for line in lines))


ROOTS = {
    "in order": conf("/opt/c\n/opt/a b\n\n# /opt/b\n/opt/a/ # last\n"),
    "once": conf("/opt/c\n/opt/a\n/opt/c\n"),
    "only what is there": conf("/opt/c\n/opt/none\n/opt/a\n"),
    "once under two names": conf("/opt/y\n/opt/a\n/opt/x\n", "l 0777 0:0 /opt/x -> a", "l 0777 0:0 /opt/y -> /opt/c"),
    "a link out of the root": conf("/opt/up\n/opt/a\n", "l 0777 0:0 /opt/up -> ../../../srv/lib"),
    "globs in order": conf(
        "include /etc/ld.so.conf.d/*.conf\n/opt/c\n",
        "f 0644 0:0 /etc/ld.so.conf.d/b.conf '/opt/b\\n'",
        "f 0644 0:0 /etc/ld.so.conf.d/a.conf '/opt/a\\n'",
        "f 0644 0:0 /etc/ld.so.conf.d/.hidden.conf '/srv/lib\\n'",
        "f 0644 0:0 /etc/ld.so.conf.d/c.txt '/srv/lib\\n'",
    ),
    "an include between": conf("/opt/c\ninclude /etc/x.conf\n/opt/a\n", "f 0644 0:0 /etc/x.conf '/opt/b'"),
    "several patterns": conf(
        "include /etc/[y-z].conf /etc/none.conf\t/etc/?.conf",
        "f 0644 0:0 /etc/x.conf '/opt/a'",
        "f 0644 0:0 /etc/z.conf '/opt/b'",
    ),
    "includes within includes": conf(
        "include /etc/x.conf\n/opt/c",
        "f 0644 0:0 /etc/x.conf '/opt/b\\ninclude /etc/y/*\\n/srv/lib'",
        "f 0644 0:0 /etc/y/z '/opt/a'",
    ),
    "an include that is a link": conf(
        "include /etc/x.conf", "l 0777 0:0 /etc/x.conf -> /srv/y.conf", "f 0644 0:0 /srv/y.conf '/opt/b'"
    ),
    "a folder where a file should be": conf("include /opt/*\n/opt/b\n"),
    "no files": conf(""),
    "old words": conf("hwcap 0 nosegneg\n/opt/b\n/opt/a\n"),
}


@pytest.mark.parametrize("name", ROOTS)
def test_the_same_directories_as_ldconfig_goes_through(tmp_path: Path, name: str) -> None:
    root = ROOTS[name]
    materialise(root, tmp_path)
    argv = [need("ldconfig"), "-r", str(tmp_path), "-N", "-X", "-v"]
    if os.geteuid() != 0:  # without the right to change its root it reads no include within an include
        argv = [need("unshare"), "--map-root-user", *argv]
    done = subprocess.run(argv, capture_output=True, check=False, text=True)
    if "unshare:" in done.stderr:
        missing("this user may not make namespaces")
    theirs = re.findall(r"^(/.*): \(from (?!<builtin>).*$", done.stdout, re.MULTILINE)
    assert done.returncode == 0
    assert list(conf_directories(root)) == theirs
    assert conf_directories(MachineView(tmp_path)) == conf_directories(root)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("include *.conf\n", ("/opt/a",)),  # ldconfig -r wants absolute ones
        ("/opt/a=libc6\n/opt/b\n", ("/opt/a", "/opt/b")),  # as GLIBC before 2.37 wrote the kind of a folder
        ("include sub/../x.conf\n", ()),
        ("opt/a\nlib\n", ()),
        ("include /etc/ld.so.conf\n/opt/c\n", ("/opt/c",)),
    ],
)
def test_words_that_ldconfig_refuses(text: str, found: tuple[str, ...]) -> None:
    assert conf_directories(conf(text, "f 0644 0:0 /etc/x.conf '/opt/a\\n'")) == found


def test_files_that_include_each_other_are_read_once() -> None:
    root = conf(
        "/opt/a\ninclude /etc/*.conf\n/opt/c\n",
        "f 0644 0:0 /etc/x.conf 'include y.conf ld.so.conf\\n/opt/b\\n'",
        "f 0644 0:0 /etc/y.conf '/srv/lib\\ninclude x.conf\\n'",
    )
    assert conf_directories(root) == ("/opt/a", "/srv/lib", "/opt/b", "/opt/c")


def test_a_chain_of_any_length() -> None:
    links = [f"f 0644 0:0 /etc/{number}.conf 'include {number + 1}.conf\\n'" for number in range(3000)]
    root = conf("include 0.conf\n/opt/c\n", *links, "f 0644 0:0 /etc/3000.conf '/opt/a'")
    assert conf_directories(root) == ("/opt/a", "/opt/c")


def test_no_ld_so_conf() -> None:
    assert conf_directories(tree("d 0755 0:0 /etc")) == ()
    assert conf_directories(tree("l 0777 0:0 /etc/ld.so.conf -> ld.so.conf")) == ()


def test_a_file_is_no_directory() -> None:
    assert conf_directories(conf("/etc/ld.so.conf\n/opt/a\n")) == ("/opt/a",)


def test_a_file_that_is_no_list_of_directories() -> None:
    with pytest.raises(FormatError, match=r"/etc/ld\.so\.conf has 1048577 bytes"):
        conf_directories(conf("/" * ((1 << 20) + 1)))


@pytest.mark.parametrize(
    "text",
    [
        "include /many/*/../*/../*\n",
        "include /many/*\n" * 1000,
        "".join(f"include /many/{'?' * number}*\n" for number in range(700)),
        f"include {'/a ' * 300_000}\n",
    ],
)
def test_patterns_that_look_at_very_much_are_refused(text: str) -> None:
    """A megabyte of them over a large folder is hours of work."""
    many = [f"d 0755 0:0 /many/folder{number}" for number in range(300)]
    with pytest.raises(FormatError, match=r"the includes of /etc/ld\.so\.conf would have us look at more than"):
        conf_directories(conf(text, *many))
