"""What of a root that Portage has filled goes into an image, and who owns it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.portage.image_tree import Cut, cut, origins
from fromscratch.sources.portage.options import PortageOptions
from fromscratch.sources.portage.ownership import OwnerChange, applied, parse
from fromscratch.sources.portage.plan import Plan, Reason

ASKED = Reason(package="app-misc/top-1", by="", field="", relation="")
NEEDED = Reason(package="dev-libs/low-2-r1", by="app-misc/top-1", field="RDEPEND", relation="dev-libs/low")
CONTENTS = {
    "app-misc/top-1": """\
dir /usr
dir /usr/bin
obj /usr/bin/top 0 0
dir /usr/share
dir /usr/share/doc
obj /usr/share/doc/top 0 0
dir /var/lib/top
sym /usr/bin/shown -> tool 0
""",
    "dev-libs/low-2-r1": """\
dir /lib64
obj /lib64/liblow.so.2 0 0
sym /lib64/liblow.so -> liblow.so.2 0
obj /usr/include/low.h 0 0
obj /usr/lib64/liblow.a 0 0
obj /usr/lib64/pkgconfig/low.pc 0 0
""",
    "dev-build/tool-3": "dir /usr/bin\nobj /usr/bin/tool 0 0\ndir /usr/share/tool\nobj /usr/share/tool/x 0 0\n",
}
BESIDE = ("usr/bin/made", "usr/share/tool/made", "etc/profile.env", "etc/made", "var/cache/edb/counter", "tmp/x")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two packages of the image and one that only builds need, with what Portage leaves beside them."""
    for link, target in {"lib64": "usr/lib64", "bin": "usr/bin"}.items():
        (tmp_path / target).mkdir(parents=True)
        (tmp_path / link).symlink_to(target)
    for package, text in CONTENTS.items():
        record = tmp_path / "var/db/pkg" / package
        record.mkdir(parents=True)
        (record / "CONTENTS").write_text(text)
        (record / "SLOT").write_text("0\n")
        for kind, path, *rest in map(str.split, text.splitlines()):
            place = tmp_path / path[1:]
            if kind == "dir":
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(rest[1]) if kind == "sym" else place.write_text(path)
    for path in (
        "usr/bin/made",
        "usr/share/tool/made",
        "etc/profile.env",
        "etc/made",
        "var/cache/edb/counter",
        "tmp/x",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("made")
    (tmp_path / "var/db/pkg/app-misc/top-1/OWNERS").write_text("chown\t12\t/var/lib/top\n")
    return tmp_path


def made(root: Path, **said: Any) -> Cut:
    return cut(root, [ASKED, NEEDED], msgspec.convert({"packages": ["app-misc/top"], **said}, PortageOptions))


def files(tree: Rootfs) -> list[str]:
    return [path for path, entry in tree.items() if not isinstance(entry, Directory)]


def test_only_what_is_needed_at_run_time(root: Path) -> None:
    result = made(root)
    assert files(result.tree) == [
        "/bin",
        "/etc/made",
        "/lib64",
        "/usr/bin/made",
        "/usr/bin/top",
        "/usr/lib64/liblow.so",
        "/usr/lib64/liblow.so.2",
    ]
    assert TreePath("/var/lib/top") in result.tree  # empty, as the package has it
    assert TreePath("/usr/share") not in result.tree  # all that was in it was left out
    assert result.packages[TreePath("/usr/lib64/liblow.so.2")] == "dev-libs/low-2-r1"
    assert result.owners == [OwnerChange("/var/lib/top", "12", "")]
    assert result.left_out == "15 of 48 entries, 0.00 of 0.00 MB of the root are needed at run time"


def test_nothing_depends_on_when_and_by_whom_it_was_built(root: Path) -> None:
    assert {(entry.meta.uid, entry.meta.gid, entry.meta.mtime) for entry in made(root).tree.values()} == {(0, 0, 0)}


def test_what_is_left_out_can_be_kept(root: Path) -> None:
    before = set(files(made(root).tree))
    assert set(files(made(root, keep=["headers", "static-libraries", "docs"]).tree)) - before == {
        "/usr/include/low.h",
        "/usr/lib64/liblow.a",
        "/usr/lib64/pkgconfig/low.pc",
        "/usr/share/doc/top",
    }


def test_records_for_scanners_list_what_is_there(root: Path) -> None:
    tree = made(root, records=True).tree
    records = [path for path in files(tree) if path.startswith("/var/db/pkg")]
    assert records == [
        "/var/db/pkg/app-misc/top-1/CONTENTS",
        "/var/db/pkg/app-misc/top-1/OWNERS",
        "/var/db/pkg/app-misc/top-1/SLOT",
        "/var/db/pkg/dev-libs/low-2-r1/CONTENTS",
        "/var/db/pkg/dev-libs/low-2-r1/SLOT",
    ]


def test_the_reasons_lead_to_what_was_asked_for() -> None:
    plan = Plan(repositories=[], profile="", packages=[], provided=[], tools=[])
    origin = origins({"/lib64/x": "dev-libs/low-2-r1"}, [ASKED, NEEDED], plan, "portage top", "rootfs[0]")
    assert [f"{each.reason} {each.detail}" for each in origin("/lib64/x").chain()] == [
        "shipped in dev-libs/low-2-r1",
        "needed by app-misc/top-1 (RDEPEND: dev-libs/low)",
        "asked for app-misc/top-1 in rootfs[0]",
    ]
    assert origin("/etc/made").reason == "made by"


def test_calls_of_chown_and_chgrp() -> None:
    text = "chown\t-R\ta:b\t/x\t/y\nchgrp\tb\t/z\nchown\t--no-dereference\ta\trelative\t/w\nchown\nchown\t:7\t/v\n"
    assert list(parse(text)) == [
        OwnerChange("/x", "a", "b", recursive=True),
        OwnerChange("/y", "a", "b", recursive=True),
        OwnerChange("/z", "", "b"),
        OwnerChange("/w", "a", ""),
        OwnerChange("/v", "", "7"),
    ]


def test_owners_in_a_tree() -> None:
    tree = Rootfs(
        {
            TreePath("/"): Directory(Meta(0o755)),
            TreePath("/etc"): Directory(Meta(0o755)),
            TreePath("/etc/passwd"): File(Meta(0o644), Inline(b"app:x:5:6::/:/bin/sh\n")),
            TreePath("/link"): Symlink(Meta(0o777), "srv"),
            TreePath("/srv"): Directory(Meta(0o755)),
            TreePath("/srv/a"): File(Meta(0o4755), Inline(b"")),
        }
    )
    changes = [
        OwnerChange("/link/a", "app", ""),
        OwnerChange("/srv", "", "8", recursive=True),
        OwnerChange("/gone", "app", ""),
        OwnerChange("/srv", "nobody", "", recursive=True),
    ]
    owned, notes = applied(tree, changes)
    assert {path: entry.meta for path, entry in owned.items() if entry.meta.uid or entry.meta.gid} == {
        "/srv": Meta(0o755, 0, 8),
        "/srv/a": Meta(0o4755, 5, 8),
    }
    assert notes == ["/srv should belong to nobody, which is not an account of the image"]
