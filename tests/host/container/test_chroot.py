"""Starting an image from within a chroot: where the kernel can do it, it works; else the hint says how it would."""

import os
import subprocess
from pathlib import Path

import pytest

from fromscratch.model.image import RunConfig
from tests.host.container.callers import HERE, SHELL, Caller

pytestmark = pytest.mark.slow

# In a mount namespace of its own: a folder with what this machine has, but for /proc and /sys.
CHROOT = """
set -e
root=$1 is_mount=$2 proc=$3; shift 3
mount --make-rprivate /
if [ $is_mount = yes ]; then mount -t tmpfs chroot "$root"; fi
for place in /*; do
    case $place in /proc|/sys) continue;; esac
    if [ -L $place ]; then cp -P $place "$root/"; continue; fi
    [ -d $place ] || continue
    mkdir -p "$root$place"
    mount --rbind $place "$root$place"
done
if [ $proc = yes ]; then mkdir -p "$root/proc"; mount -t proc proc "$root/proc"; fi
exec chroot "$root" "$@"
"""


@pytest.mark.parametrize(
    ("is_mount", "proc", "code", "reported"),
    [
        ("yes", "yes", 0, ""),
        ("no", "yes", 1, "nothing can be started in this chroot: its root is not a mount point"),
        ("yes", "no", 1, "nothing can be started here: /proc is not mounted"),
    ],
)
def test_a_chroot_is_told_of_where_it_is_in_the_way(
    caller: Caller, is_mount: str, proc: str, code: int, reported: str, tmp_path: Path
) -> None:
    if caller.name != "root":
        pytest.skip("only root can make a chroot")
    words, env = caller.call(SHELL, ["id"], RunConfig(), HERE)
    shell = ["unshare", "--mount", "sh", "-c", CHROOT, "sh", str(tmp_path), is_mount, proc]
    done = subprocess.run([*shell, *words], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == ("" if code else "uid=0(root) gid=0(root) groups=0(root)\n")
    assert reported in done.stderr
    if code:
        assert "mount --bind DIR DIR, mount -t proc proc DIR/proc, chroot DIR" in done.stderr
    for folder in tmp_path.iterdir():
        if folder.is_dir() and not folder.is_symlink():
            assert os.listdir(folder) == []
