"""One tree as several layers: which rule puts what where, and that together they are the tree again."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.formats.tar.writer import blocks
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, Origin, Symlink, file
from fromscratch.model.image import RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, parent
from fromscratch.sources.buildroot.origins import origins
from fromscratch.sources.buildroot.progress import Package
from fromscratch.transforms.layering import Part, Rule, layered
from tests.made_images import image_of
from tests.sameness import everything
from tests.strategies import trees
from tests.trees import listed, text

DEBIAN, APP, CONF = "debian bookworm", "binaries /usr/bin/app", "overlay conf"
ITEMS = (DEBIAN, APP, CONF)
NGINX = Origin(DEBIAN, "asked for", "nginx in rootfs[0]")
NGINX_FILE = Origin(DEBIAN, "shipped in", "nginx 1.22", NGINX)
LIBC_FILE = Origin(DEBIAN, "shipped in", "libc6 2.36", Origin(DEBIAN, "needed by", "nginx", NGINX))
ZLIB_FILE = Origin(DEBIAN, "shipped in", "zlib1g 1.2", Origin(DEBIAN, "needed by", "nginx", NGINX))
RECORD = Origin(DEBIAN, "made by", "dpkg, as its record of nginx")
ASKED = Origin(APP, "asked for", "/usr/bin/app")
NEEDED = Origin(APP, "needed by", "/usr/bin/app (DT_NEEDED libapp.so)", ASKED)
OVERLAY = Origin(CONF, "found in", "conf")
ACCOUNTS = Origin("recipe", "asked for", "accounts")


def tree_of(entries: Mapping[str, Entry]) -> Rootfs:
    return Rootfs({TreePath(path): entry for path, entry in entries.items()})


def sized(size: int, *origins: Origin) -> Entry:
    return file(Inline(b"x" * size), *origins)


WEB = {
    "/usr": Directory(Meta(0o755), (LIBC_FILE,)),
    "/usr/sbin/nginx": sized(9000, NGINX_FILE),
    "/etc/nginx/nginx.conf": sized(10, NGINX_FILE),
    "/usr/lib/libc.so.6": sized(5000, LIBC_FILE),
    "/usr/lib/libz.so.1": sized(700, ZLIB_FILE, NEEDED),
    "/var/lib/dpkg/status.d/nginx": sized(20, RECORD),
    "/srv": Directory(Meta(0o755), (LIBC_FILE,)),
    "/usr/bin/app": sized(3000, ASKED),
    "/usr/lib/libapp.so": sized(2000, NEEDED),
    "/etc/app.conf": sized(5, OVERLAY),
    "/etc/passwd": sized(30, LIBC_FILE, ACCOUNTS),
}


def split(entries: Mapping[str, Entry], rule: Rule, items: tuple[str, ...] = ITEMS) -> dict[str, list[str]]:
    """What each layer holds besides the directories above it, by its comment."""
    tree = tree_of(entries)
    folders = {parent(path) for path in tree}
    parts = layered(tree, rule, items, "web")
    assert joined(parts) == everything(tree)
    return {part.comment: [path for path in part.tree if path not in folders] for part in parts}


def joined(parts: tuple[Part, ...]) -> dict[TreePath, tuple[object, ...]]:
    """All layers as one tree; whatever two of them have must be alike."""
    found: dict[TreePath, tuple[object, ...]] = {}
    for part in parts:
        for path, facts in everything(part.tree).items():
            assert found.setdefault(path, facts) == facts
    return found


def test_one_layer_is_the_tree_itself() -> None:
    tree = tree_of(WEB)
    assert layered(tree, "one", ITEMS, "web") == (Part("web", tree),)
    assert layered(Rootfs(), "package", ITEMS, "web") == (Part("web", Rootfs()),)


def test_a_layer_for_each_item_in_the_order_of_the_recipe_and_what_the_recipe_writes_on_top() -> None:
    assert split(WEB, "source") == {
        "debian bookworm": [
            "/etc/nginx/nginx.conf",
            "/srv",
            "/usr/lib/libc.so.6",
            "/usr/lib/libz.so.1",
            "/usr/sbin/nginx",
            "/var/lib/dpkg/status.d/nginx",
        ],
        "binaries app": ["/usr/bin/app", "/usr/lib/libapp.so"],
        "overlay conf": ["/etc/app.conf"],
        "what the recipe itself writes": ["/etc/passwd"],
    }


def test_the_order_is_that_of_the_recipe() -> None:
    assert list(split(WEB, "source", (CONF, APP, DEBIAN))) == [
        CONF,
        "binaries app",
        DEBIAN,
        "what the recipe itself writes",
    ]


def test_a_layer_for_each_package_and_the_rest_of_each_item() -> None:
    assert split(WEB, "package") == {
        "libc6 2.36 (debian bookworm)": ["/srv", "/usr/lib/libc.so.6"],
        "nginx 1.22 (debian bookworm)": ["/etc/nginx/nginx.conf", "/usr/sbin/nginx"],
        "zlib1g 1.2 (debian bookworm)": ["/usr/lib/libz.so.1"],
        "the rest of debian bookworm": ["/var/lib/dpkg/status.d/nginx"],
        "binaries app": ["/usr/bin/app", "/usr/lib/libapp.so"],
        "overlay conf": ["/etc/app.conf"],
        "what the recipe itself writes": ["/etc/passwd"],
    }


def test_of_more_packages_than_engines_have_layers_the_smallest_share_one() -> None:
    entries = {
        f"/opt/{number:03}": sized(600 * number, Origin(DEBIAN, "shipped in", f"p{number:03}", NGINX))
        for number in range(1, 151)
    }
    made = split({**entries, "/etc/app.conf": sized(1, OVERLAY)}, "package")
    assert len(made) == 100
    assert made["the rest of debian bookworm"] == [f"/opt/{number:03}" for number in range(1, 53)]


def test_fewer_layers_than_stages_join_the_steadiest() -> None:
    assert list(split(WEB, 3)) == [
        "base: nginx 1.22, libc6 2.36, zlib1g 1.2 and 1 more; libraries: binaries app",
        "application: binaries app",
        "files: overlay conf, what the recipe itself writes",
    ]
    assert list(split(WEB, 1)) == ["web"]


def test_a_budget_gives_the_largest_layers_of_their_own_and_ends_in_the_files_of_the_project() -> None:
    assert split(WEB, 6) == {
        "base: libc6 2.36": ["/srv", "/usr/lib/libc.so.6"],
        "base: nginx 1.22": ["/etc/nginx/nginx.conf", "/usr/sbin/nginx"],
        "base: zlib1g 1.2, debian bookworm": ["/usr/lib/libz.so.1", "/var/lib/dpkg/status.d/nginx"],
        "libraries: binaries app": ["/usr/lib/libapp.so"],
        "application: binaries app": ["/usr/bin/app"],
        "files: overlay conf, what the recipe itself writes": ["/etc/app.conf", "/etc/passwd"],
    }


def test_a_single_item_divides_into_what_is_needed_and_what_was_asked_for() -> None:
    entries = {path: entry for path, entry in WEB.items() if entry.origins[0].source != APP}
    assert split(entries, 3) == {
        "libraries: libc6 2.36, zlib1g 1.2": ["/srv", "/usr/lib/libc.so.6", "/usr/lib/libz.so.1"],
        "application: nginx 1.22, debian bookworm": [
            "/etc/nginx/nginx.conf",
            "/usr/sbin/nginx",
            "/var/lib/dpkg/status.d/nginx",
        ],
        "files: overlay conf, what the recipe itself writes": ["/etc/app.conf", "/etc/passwd"],
    }


def test_a_root_to_begin_with_is_the_base_and_folders_laid_over_it_are_files() -> None:
    root, app = "tarball rootfs.tar", "directory app"
    entries = {
        "/bin/sh": sized(100, Origin(root, "shipped in", "rootfs.tar")),
        "/srv/app": sized(9000, Origin(app, "found in", "app")),
        "/etc/app.conf": sized(5, OVERLAY),
    }
    assert split(entries, 9, (root, app, CONF)) == {
        "base: tarball rootfs.tar": ["/bin/sh"],
        "files: directory app": ["/srv/app"],
        "files: overlay conf": ["/etc/app.conf"],
    }


def test_all_names_of_a_file_are_in_the_uppermost_of_their_layers() -> None:
    meta = Meta(0o644)
    entries = {
        "/a/first": sized(3, LIBC_FILE),
        "/b/second": HardLink(meta, TreePath("/a/first"), (OVERLAY,)),
        "/c/third": HardLink(meta, TreePath("/a/first"), (NGINX_FILE,)),
        "/d/other": sized(1, LIBC_FILE),
    }
    assert split(entries, "source") == {
        "debian bookworm": ["/d/other"],
        "overlay conf": ["/a/first", "/b/second", "/c/third"],
    }


def test_an_item_that_only_has_directories_which_hold_other_things_gets_no_layer() -> None:
    entries = {
        "/opt": Directory(Meta(0o700), (ASKED,)),
        "/opt/conf": sized(1, OVERLAY),
        "/bin/sh": sized(1, LIBC_FILE),
    }
    assert split(entries, "source") == {"debian bookworm": ["/bin/sh"], "overlay conf": ["/opt/conf"]}
    empty = {**entries, "/opt/empty": Directory(Meta(0o755), (ASKED,))}
    assert split(empty, "source")["binaries app"] == ["/opt/empty"]


def test_a_file_more_in_an_upper_layer_leaves_the_lower_ones_as_they_were() -> None:
    before = layered(tree_of(WEB), "source", ITEMS, "web")
    after = layered(tree_of({**WEB, "/srv/index.html": sized(9, OVERLAY)}), "source", ITEMS, "web")
    assert [everything(part.tree) for part in before[:2]] == [everything(part.tree) for part in after[:2]]
    assert listed(after[2].tree) == text("""
        d 0755 0:0 /etc
        f 0644 0:0 5 /etc/app.conf
        d 0755 0:0 /srv
        f 0644 0:0 9 /srv/index.html
    """)


def test_a_directory_in_several_layers_has_the_same_metadata_in_each() -> None:
    meta = Meta(0o2770, 7, 8, 123, (("user.note", b"kept"),))
    entries = {
        "/etc": Directory(meta, (OVERLAY,)),
        "/etc/nginx.conf": sized(1, NGINX_FILE),
        "/etc/link": Symlink(Meta(0o777), "nginx.conf", (OVERLAY,)),
    }
    parts = layered(tree_of(entries), "source", ITEMS, "web")
    assert [part.tree[TreePath("/etc")].meta for part in parts] == [meta, meta]


ORIGINS = st.lists(
    st.sampled_from([NGINX_FILE, LIBC_FILE, ZLIB_FILE, RECORD, ASKED, NEEDED, OVERLAY, ACCOUNTS]), max_size=2
)
RULES: st.SearchStrategy[Rule] = st.one_of(
    st.sampled_from(["one", "source", "package"]),
    st.integers(1, 12),
)


@st.composite
def explained_trees(draw: st.DrawFn) -> Rootfs:
    tree = draw(trees(size=20))
    return Rootfs({path: replace(entry, origins=tuple(draw(ORIGINS))) for path, entry in tree.items()})


@settings(max_examples=30)  # each packs and unpacks an image
@given(explained_trees(), RULES)
def test_the_layers_of_any_tree_are_that_tree_again(tree: Rootfs, rule: Rule) -> None:
    parts = layered(tree, rule, ITEMS, "any")
    assert parts == layered(tree, rule, ITEMS, "any")
    assert parts
    if isinstance(rule, int):
        assert len(parts) <= rule
    seen: set[TreePath] = set()
    for part in parts:
        own = {path for path, entry in part.tree.items() if not isinstance(entry, Directory)}
        assert not own & seen
        seen |= own
        assert len(part.tree) > 1 or len(tree) == 1
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        image = image_of(*(b"".join(blocks(part.tree)) for part in parts), config=RunConfig())
        single = image_of(b"".join(blocks(tree)), config=RunConfig())
        found = root_tree(image, store)
        assert everything(found) == everything(root_tree(single, store))
        # A plain root has no entry in a tar, and so no time.
        assert everything(found.without([ROOT])) | {ROOT: ()} == everything(tree) | {ROOT: ()}


def test_packages_of_buildroot_are_told_apart_as_those_of_debian_are() -> None:
    def package(name: str, *dependencies: str) -> Package:
        return Package(name, "1", dependencies, in_staging=False, is_image=False, folder="")

    packages = {"busybox": package("busybox", "zlib"), "zlib": package("zlib"), "skeleton": package("skeleton")}
    files = {TreePath("/bin/sh"): "busybox", TreePath("/lib/libz.so"): "zlib", TreePath("/etc/fstab"): "skeleton"}
    origin = origins("buildroot x", packages, {"BR2_PACKAGE_BUSYBOX": "the recipe"}, files)
    entries = {path: sized(1, origin(path)) for path in (*files, "/etc/os-release")}
    assert split(entries, "package", ("buildroot x",)) == {
        "busybox 1 (buildroot x)": ["/bin/sh"],
        "skeleton 1 (buildroot x)": ["/etc/fstab"],
        "zlib 1 (buildroot x)": ["/lib/libz.so"],
        "the rest of buildroot x": ["/etc/os-release"],
    }
    assert split(entries, 2, ("buildroot x",)) == {
        "libraries: skeleton 1, zlib 1": ["/etc/fstab", "/lib/libz.so"],
        "application: buildroot x, busybox 1": ["/bin/sh", "/etc/os-release"],
    }


def test_what_a_layer_is_called_tells_no_secrets() -> None:
    """It ends up in the history of the image, where anybody reads it."""
    labels = ("tarball https://user:token@a.example/x.tar?key=secret", "directory /home/alice/secret/root")
    entries = {f"/f{number}": sized(1, Origin(label, "found in", "x")) for number, label in enumerate(labels)}
    assert split(entries, "source", labels) == {"tarball https://a.example/x.tar": ["/f0"], "directory root": ["/f1"]}
