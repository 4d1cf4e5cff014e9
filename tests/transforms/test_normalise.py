"""One time for a whole tree."""

from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, HardLink, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, tree_path
from fromscratch.transforms.normalise import normalised

SECOND = 1_000_000_000
OLD, NEW = tree_path("/old"), tree_path("/new")


def root() -> Rootfs:
    return Rootfs(
        {
            ROOT: Directory(Meta(0o755, mtime=99 * SECOND)),
            OLD: File(Meta(0o644, mtime=5 * SECOND + 7), Inline(b"")),
            NEW: File(Meta(0o644, mtime=50 * SECOND), Inline(b"")),
            tree_path("/link"): HardLink(Meta(0o644), NEW),
        }
    )


def times(tree: Rootfs) -> dict[str, int]:
    return {str(path): entry.meta.mtime for path, entry in tree.items()}


def test_epoch_sets_every_time() -> None:
    assert set(times(normalised(root(), 10)).values()) == {10 * SECOND}


def test_clamp_lowers_later_times_only_and_keeps_nanoseconds() -> None:
    assert times(normalised(root(), 10, "clamp")) == {
        "/": 10 * SECOND,
        "/link": 10 * SECOND,
        "/new": 10 * SECOND,
        "/old": 5 * SECOND + 7,
    }


def test_keep_changes_nothing() -> None:
    assert normalised(root(), 10, "keep") == root()
