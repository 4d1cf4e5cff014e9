"""Slices made of what was used: entries, reasons, versions and needs."""

import pytest
from msgspec.structs import replace

from fromscratch.errors import UsageError
from fromscratch.formats import slice as slices
from fromscratch.formats.installed import Package
from fromscratch.formats.slice import Slice
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.slimming.packages import packages
from fromscratch.slimming.slices import Written, slices_of, versions
from fromscratch.transforms.slicing import matched
from tests import trees
from tests.sysroots import program

USED = Origin("trace", "opened by", "/usr/sbin/server in run 1")
STARTED = Origin("trace", "started by", "run 1")
NEEDED = Origin("slim", "needed by", "/usr/sbin/server (DT_NEEDED libz.so.1)")
ABOVE = Origin("slim", "parent of", "what lies beside it")

LISTS = {
    "server": (
        "/usr/sbin/server /usr/sbin/admin /usr/share/server /usr/share/server/a /usr/share/server/b "
        "/usr/share/server/c /usr/share/server/c/d /var/lib/server /usr/share/doc/server /usr/share/doc/server/manual"
    ),
    "zlib1g": "/lib/libz.so.1 /lib/libz.so.1.2.13",
    "libc-bin": "/usr/lib/locale /usr/lib/locale/C.utf8 /usr/lib/locale/C.utf8/LC_CTYPE /usr/lib/locale/C.utf8/LC_TIME",
    "unused": "/usr/bin/unused",
}
FILES = trees.tree(
    r"""
    l 0777 0:0 /lib -> usr/lib
    f 0644 0:0 /etc/os-release 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
    f 0644 0:0 /etc/passwd 'root'
    f 0755 0:0 /usr/sbin/server
    f 0755 0:0 /usr/sbin/admin
    f 0644 0:0 /usr/share/server/a
    f 0644 0:0 /usr/share/server/b
    f 0644 0:0 /usr/share/server/c/d
    d 0750 7:7 /var/lib/server
    f 0644 0:0 /usr/share/doc/server/manual
    f 0644 0:0 /usr/lib/libz.so.1.2.13
    l 0777 0:0 /usr/lib/libz.so.1 -> libz.so.1.2.13
    f 0644 0:0 /usr/lib/locale/C.utf8/LC_CTYPE
    f 0644 0:0 /usr/lib/locale/C.utf8/LC_TIME
    f 0755 0:0 /usr/bin/unused
    """
)


def _with_dpkg(files: Rootfs) -> Rootfs:
    status = "".join(f"Package: {name}\nArchitecture: amd64\nVersion: 1.2-3\n\n" for name in LISTS)
    made = {tree_path("/var/lib/dpkg/status"): file(Inline(status.encode()))}
    for name, listed in LISTS.items():
        text = "/.\n" + "".join(f"{path}\n" for path in listed.split())
        made[tree_path(f"/var/lib/dpkg/info/{name}.list")] = file(Inline(text.encode()))
    return files.with_entries(made)


FULL = _with_dpkg(FILES)


def written(used: dict[str, Origin], *only: str) -> Written:
    """The slices of what was used, with the folders above it."""
    places = {tree_path(path): origin for path, origin in used.items()}
    chosen = {path: replace(FULL[path], origins=(origin,)) for path, origin in places.items()}
    above = {tree_path(folder) for path in used for folder in ("/lib", *_above(path))} - places.keys()
    selected = Rootfs({**{path: replace(FULL[path], origins=(ABOVE,)) for path in above}, **chosen})
    return slices_of(FULL, selected, packages(FULL), only)


def _above(path: str) -> list[str]:
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: number + 1]) for number in range(len(parts))]


WEB = {
    "/usr/sbin/server": STARTED,
    "/usr/share/server/a": USED,
    "/usr/share/server/b": USED,
    "/usr/share/server/c/d": USED,
    "/var/lib/server": USED,
    "/usr/lib/libz.so.1": NEEDED,
    "/usr/lib/libz.so.1.2.13": NEEDED,
    "/usr/lib/locale/C.utf8/LC_CTYPE": USED,
    "/etc/passwd": USED,
}


def test_a_folder_of_which_every_file_is_used_is_a_glob_and_every_entry_has_its_reason() -> None:
    found = written(WEB).slices["server.yaml"]
    assert found == Slice(
        package="server",
        manager="dpkg",
        versions=">= 1.2-3, << 1.3~",
        distribution="debian 12 (bookworm)",
        architecture="amd64",
        files={
            "/usr/sbin/server": "started by run 1",
            "/usr/share/server/**": "3 files; opened by /usr/sbin/server in run 1",
            "/var/lib/server": "opened by /usr/sbin/server in run 1",
        },
        not_taken=1,
        needs=["libc-bin.yaml", "zlib1g.yaml"],
    )
    assert slices.read(slices.written(found), "server.yaml") == found


def test_a_folder_with_an_unused_file_is_not_a_glob() -> None:
    used = {path: origin for path, origin in WEB.items() if path != "/usr/share/server/c/d"}
    assert list(written(used).slices["server.yaml"].files) == [
        "/usr/sbin/server",
        "/usr/share/server/a",
        "/usr/share/server/b",
        "/var/lib/server",
    ]


def test_a_library_is_taken_in_any_lesser_version_and_a_locale_whole() -> None:
    found = written(WEB).slices
    assert list(found["zlib1g.yaml"].files) == ["/usr/lib/libz.so.1", "/usr/lib/libz.so.1.*"]
    assert list(found["libc-bin.yaml"].files) == ["/usr/lib/locale/C.utf8/**"]
    assert "unused.yaml" not in found


def test_what_no_package_has_is_named() -> None:
    assert written(WEB).unowned == ("/etc/passwd", "/lib")


def test_what_a_build_makes_again_is_not_missed() -> None:
    made = Origin("item", "made by", "merged /usr")
    origins = {tree_path("/lib"): (made,)}
    used = Rootfs(
        {tree_path(path): replace(FULL[tree_path(path)], origins=(USED,)) for path in ("/lib", "/etc/passwd")}
    )
    found = slices_of(FULL, used, packages(FULL, lambda path: origins.get(path, ())))
    assert found.unowned == ("/etc/passwd",)


def test_one_package_comes_with_those_that_it_needs() -> None:
    assert list(written(WEB, "zlib1g").slices) == ["zlib1g.yaml"]
    assert list(written(WEB, "server").slices) == ["libc-bin.yaml", "server.yaml", "zlib1g.yaml"]
    with pytest.raises(UsageError, match="no file of the package servers is used") as caught:
        written(WEB, "servers")
    assert caught.value.hint == "did you mean server?"


def test_what_a_list_of_paths_names_is_needed_by_the_package_that_is_asked_for() -> None:
    listed = dict.fromkeys(WEB, STARTED)
    assert written(listed).slices["server.yaml"].needs == []
    assert written(listed, "server").slices["server.yaml"].needs == ["libc-bin.yaml", "zlib1g.yaml"]


def test_the_entries_of_a_slice_stand_for_what_was_used() -> None:
    records = packages(FULL)
    for one in written(WEB).slices.values():
        package = next(each for each in records.packages if each.name == one.package)
        found = matched(FULL, frozenset(records.files(package)), one.files)
        assert found.missing == ()
        assert {TreePath(path) for path in WEB} & set(records.files(package)) <= found.places


def test_a_library_is_needed_by_all_that_link_to_it_whatever_its_reasons() -> None:
    linked = file(Inline(program("libz.so.1")))
    full = FULL.with_entries({tree_path("/usr/bin/unused"): linked})
    places = [tree_path(path) for path in ("/usr/bin/unused", "/usr/lib/libz.so.1", "/usr/lib/libz.so.1.2.13")]
    used = Rootfs({path: replace(full[path], origins=(NEEDED,)) for path in places})
    assert slices_of(full, used, packages(full)).slices["unused.yaml"].needs == ["zlib1g.yaml"]


def test_a_package_of_portage_has_its_category_in_the_name_of_the_file() -> None:
    place = "/var/db/pkg/app-shells/bash-5.2-r1/CONTENTS"
    contents = file(Inline(b"obj /usr/bin/bash 00 1\n"))
    full = FILES.with_entries({tree_path(place): contents, tree_path("/usr/bin/bash"): file(Inline(b""))})
    used = Rootfs({tree_path("/usr/bin/bash"): replace(full[tree_path("/usr/bin/bash")], origins=(STARTED,))})
    found = slices_of(full, used, packages(full)).slices
    assert {name: (one.package, one.manager, one.versions) for name, one in found.items()} == {
        "app-shells_bash.yaml": ("app-shells/bash", "portage", ">= 5.2-r1, << 5.3")
    }


@pytest.mark.parametrize(
    ("version", "range_"),
    [
        ("1.22.1-9", ">= 1.22.1-9, << 1.23~"),
        ("1:9.18.24-1", ">= 1:9.18.24-1, << 1:9.19~"),
        ("12", ">= 12, << 13~"),
        ("20230311+deb12u1", ">= 20230311+deb12u1, << 20230312~"),
        ("2024a-0+deb12u1", ">= 2024a-0+deb12u1, << 2025~"),
        ("r5", ">= r5"),
    ],
)
def test_a_range_ends_where_a_package_may_have_other_files(version: str, range_: str) -> None:
    assert versions(Package("dpkg", "a", version)) == range_
    assert versions(Package("apk", "a", version)) == range_.replace("~", "")
