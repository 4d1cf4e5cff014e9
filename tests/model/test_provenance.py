"""What the history of an image says a layer is made of."""

from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, Meta, Origin, file
from fromscratch.model.provenance import made_of
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, tree_path

ASKED = Origin("debian bookworm", "asked for", "busybox in rootfs[0]")
NEEDED = Origin("debian bookworm", "needed by", "busybox", ASKED)


def package(name: str, because: Origin = NEEDED) -> Origin:
    return Origin("debian bookworm", "shipped in", name, because)


def tree(*origins: Origin) -> Rootfs:
    entries = {tree_path(f"/f{number}"): file(Inline(b""), origin) for number, origin in enumerate(origins)}
    return Rootfs({tree_path("/"): Directory(Meta(0o755), (Origin("x", "parent of", "/f"),)), **entries})


def test_sources_with_their_packages_those_first_that_were_asked_for() -> None:
    made = tree(
        package("libc6 2.36-9"),
        package("busybox 1:1.35.0-4", ASKED),
        Origin("debian bookworm", "made by", "busybox --install"),
        Origin("overlay ../overlays/base", "found in", "../overlays/base"),
        Origin("recipe", "asked for", "accounts"),
        Origin("tarball root.tar", "shipped in", "root.tar"),
    )
    assert made_of(made) == (
        "debian bookworm: busybox 1:1.35.0-4, libc6 2.36-9; overlay ../overlays/base; tarball root.tar;"
        " the recipe itself"
    )


def test_of_many_packages_the_first_few() -> None:
    made = made_of(tree(*(package(f"p{number:02}") for number in range(20))))
    assert made == "debian bookworm: p00, p01, p02, p03, p04, p05, p06, p07 and 12 more"


def test_a_path_of_this_machine_and_a_secret_of_a_url_stay_here() -> None:
    made = tree(
        Origin("directory /home/alice/secret/root/", "found in", "/home/alice/secret/root"),
        Origin("tarball https://user:token@a.example/x.tar?key=secret", "shipped in", "x"),
        Origin("directory /", "found in", "/"),
        Origin("overlay /home/my own files/here", "found in", "/home/my own files/here"),
        Origin("image oci:/home/alice/base", "found in", "layer 1"),
        Origin("image docker.io/library/debian:bookworm", "found in", "layer 1"),
    )
    assert made_of(made) == (
        "directory /; directory root; image docker.io/library/debian:bookworm; image oci:base; overlay here; "
        "tarball https://a.example/x.tar"
    )


def test_names_of_any_bytes_can_be_written() -> None:
    assert made_of(tree(Origin(decode(b"overlay caf\xe9\n"), "found in", "x"))) == r"overlay caf\xe9?"


def test_a_folder_tells_something_only_where_it_is_empty() -> None:
    assert made_of(tree()) == made_of(Rootfs()) == ""
    folder = Directory(Meta(0o755), (package("base-files 12"), Origin("overlay x", "found in", "x")))
    empty: dict[TreePath, Entry] = {tree_path("/"): Directory(Meta(0o755)), tree_path("/etc"): folder}
    assert made_of(Rootfs(empty)) == "debian bookworm: base-files 12; overlay x"
    filled = {**empty, tree_path("/etc/motd"): file(Inline(b""), Origin("overlay x", "found in", "x"))}
    assert made_of(Rootfs(filled)) == "overlay x"
