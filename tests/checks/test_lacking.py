"""What an image lacks, of the paths that were asked for in vain: the likeliest first, and no noise."""

import pytest

from fromscratch.checks.contract import Lack
from fromscratch.checks.lacking import lacking
from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.sysroots import program

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
TREE = Rootfs(
    {
        tree_path(path): File(Meta(0o755), Inline(content))
        for path, content in {
            "/usr/bin/app": b"\x7fELF",
            "/opt/script": b"#!/usr/bin/perl -w\n",
            "/opt/by-sh": b"#!/usr/bin/app\n",
            "/opt/foreign": program(interpreter="/lib/ld-musl-x86_64.so.1"),
        }.items()
    }
)


def lacks(*lines: str, output: bytes = b"") -> list[str]:
    """What is lacking after these events, of which each is its kind and path: likely ones, then a bar, then others."""
    events = tuple(Event(line.split()[0], line.split()[1], "/usr/bin/app") for line in lines)  # type: ignore[arg-type]
    found = lacking(Trace((Run(command=("app",)),), events), TREE, {("app",)}, output)
    likely = [lack.is_likely for lack in found]
    assert likely == sorted(likely, reverse=True)
    return [*(lack.path for lack in found if lack.is_likely), "|", *(lack.path for lack in found if not lack.is_likely)]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["missing /bin/sh"], ["/bin/sh", "|"]),
        (["missing /usr/share/app/data"], ["|", "/usr/share/app/data"]),
        (["missing /etc/passwd", "missing /bin/sh"], ["/bin/sh", "/etc/passwd", "|"]),
        (["missing /lib/libz.so.1", f"missing {LIBRARIES}/libz.so.1"], ["/lib/libz.so.1", "|"]),
        (["missing /lib/libz.so.1", f"open {LIBRARIES}/libz.so.1"], ["|"]),
        (["missing /lib/libz.so.1", "open /lib/libz.so.2"], ["/lib/libz.so.1", "|"]),
        (["missing /opt/bin/make", "missing /usr/bin/make", "missing /bin/make"], ["/usr/bin/make", "|"]),
        (["missing /opt/bin/make", "exec /usr/bin/make"], ["|"]),
        (["missing /a/../etc/passwd"], ["/etc/passwd", "|"]),
        (["missing /var/lib/app/new", "open /var/lib/app/new"], ["|"]),
        (["exec /opt/script"], ["/usr/bin/perl", "|"]),
        (["missing /opt/script"], ["/usr/bin/perl", "|"]),
        (["exec /opt/foreign"], ["/lib/ld-musl-x86_64.so.1", "|"]),
        (["exec /opt/by-sh"], ["|"]),
        (["missing /etc/ssl/certs/ca.crt", "missing /etc/ssl/cert.pem"], ["/etc/ssl/certs/ca.crt", "|"]),
        (["missing /etc/ssl/cert.pem", "open /etc/ssl/certs/ca.crt"], ["|"]),
        (
            ["missing /usr/lib/locale/de_DE.UTF-8/LC_TIME", "missing /usr/lib/locale/de/LC_TIME"],
            ["|", "/usr/lib/locale/de_DE.UTF-8"],
        ),
        (["missing /usr/share/zoneinfo/Japan", "missing /data"], ["|", "/data", "/usr/share/zoneinfo/Japan"]),
        (["missing /x/mod.abi3.so", "missing /x/mod.so", "open /x/mod.py"], ["|"]),
        (["open /usr/bin/app"], ["|"]),
    ],
)  # fmt: skip
def test_what_probably_made_it_fail_comes_first(lines: list[str], found: list[str]) -> None:
    assert lacks(*lines) == found


@pytest.mark.parametrize(
    "path",
    [
        "/etc/ld.so.preload",
        "/proc/self/exe",
        "/tmp/lock",
        "/run/nscd/socket",
        "/var/run/nscd/socket",
        "/etc/nsswitch.conf",
        "/etc/localtime",
        f"{LIBRARIES}/glibc-hwcaps/x86-64-v3/libc.so.6",
        "/usr/share/locale/de/LC_MESSAGES/app.mo",
        "/usr/lib/locale/locale-archive",
        "/root/.config/app",
        "/.bashrc",
        "/usr/lib/python3.11/__pycache__/os.cpython-311.pyc",
        "/usr/local/lib/python3.11/dist-packages",
        "/usr/lib/python311.zip",
        "/usr/local/lib/site_perl/5.36.0/x86_64-linux-gnu-thread-multi",
    ],
)
def test_what_is_looked_for_and_need_not_be_there_is_left_out(path: str) -> None:
    assert lacks(f"missing {path}") == ["|"]


def test_what_the_output_names_is_likely_whatever_it_is() -> None:
    lines = ("missing /etc/app/mime.types", "missing /bin/sh", "missing /data")
    assert lacks(*lines) == ["/bin/sh", "|", "/data", "/etc/app/mime.types"]
    assert lacks(*lines, output=b'open("/etc/app/mime.types") failed') == [
        "/etc/app/mime.types",
        "/bin/sh",
        "|",
        "/data",
    ]
    assert lacks(*lines, output=b"mime.types: not there")[0] == "/etc/app/mime.types"


def test_runs_of_other_commands_do_not_count() -> None:
    runs = (Run(command=("app",)), Run(number=2, command=("other",)))
    events = (Event("missing", "/a", run=1), Event("missing", "/b", run=2))
    assert lacking(Trace(runs, events), TREE, {("other",)}, b"") == (Lack("/b", "", "data"),)
