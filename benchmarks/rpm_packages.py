"""A root out of signed RPM packages, as dnf installs it and as we make it, from the same repository on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from shutil import which

from benchmarks.runner import Case, Group
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from tests.formats.rpm.packages import Made

_PACKAGES, _FILES = 40, 2_000
_OURS = f"{quote(sys.executable)} -m fromscratch"


def groups(tree: Rootfs, _folder: Path, scratch: Path) -> list[Group]:
    """Nothing where the programs, or the library that signs, are missing."""
    try:
        from tests.sources.rpm.repository import Repository
    except ImportError:
        return []
    if which("createrepo_c") is None:
        return []
    repository = Repository(scratch / "repository")
    for number, files in enumerate(_divided(tree)):
        needed = [f"package{number - 1}"] if number else []
        raw = repository.package(f"package{number}", files, compressor="zstd", requires=needed)
        (repository.folder / f"package{number}-1.0-1.x86_64.rpm").write_bytes(raw)
    subprocess.run(["createrepo_c", "-q", str(repository.folder)], check=True)
    place, last = quote(str(scratch)), f"package{_PACKAGES - 1}"
    recipe = f"rpm: {{packages: [{last}], repositories: ['{repository.address}'], keys: '{repository.keys}'}}"
    (scratch / "rpm.yaml").write_text(f"name: rpm\nrootfs: [{{{recipe}}}]\ncheck: {{start: off}}\n")
    settings = "--releasever=1 --setopt=reposdir=/nonexistent --setopt=tsflags=noscripts"
    theirs = (
        f"cd {place} && rm -rf root && dnf -y -q --installroot={place}/root --disablerepo='*' {settings} "
        f"--repofrompath=t,{repository.address} --enablerepo=t --setopt=t.gpgcheck=0 install {last} > /dev/null 2>&1"
    )
    store = f"cd {place} && rm -rf rpm-store build/rpm && export FROMSCRATCH_STORE={place}/rpm-store"
    ours = f"{store} && {_OURS} fetch build --recipe rpm.yaml --quiet > /dev/null"
    return [
        Group(
            f"a root out of {_PACKAGES} signed RPM packages",
            [Case("dnf --installroot, noscripts", theirs, needs=("dnf",)), Case("fromscratch fetch build", ours)],
            "both begin with nothing; ours verifies the signature of each package, which dnf is told not to, and ends "
            "in a packed image, dnf in a folder",
        )
    ]


def _divided(tree: Rootfs) -> Iterator[dict[str, Made | bytes]]:
    """The first files of the tree, in as many parts as there are packages."""
    files = [(path, entry) for path, entry in tree.items() if isinstance(entry, File)][:_FILES]
    for number in range(_PACKAGES):
        part = files[number::_PACKAGES]
        yield {path: Made(data=read(entry.content), mode=0o100000 | entry.meta.mode) for path, entry in part}
