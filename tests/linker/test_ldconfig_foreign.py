"""The ld.so.cache of Debian systems of other machines, against their own ldconfig and their own loader."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from fromscratch.formats.ldso import cache as ldcache
from fromscratch.host.container.materialise import materialise
from fromscratch.host.machine import apt as apt_config
from fromscratch.host.machine.loader_root import MachineRoot
from fromscratch.host.storage.store import Store
from fromscratch.linker import ldconfig
from fromscratch.linker.loader import read_loader
from fromscratch.model.image import Platform
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.source import DebianSource
from tests.engines import missing, need

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not any("main" in source.components for source in apt_config.mirrors()),
        reason="this machine has no apt sources, so no Debian mirror is known",
    ),
]


class Machine(NamedTuple):
    platform: str
    suite: str
    emulator: str
    flags: int
    big_endian: bool = False


MACHINES = [
    Machine("linux/amd64", "trixie", "qemu-x86_64-static", 0x0303),
    Machine("linux/386", "bookworm", "qemu-i386-static", 0x0003),
    Machine("linux/arm64", "bookworm", "qemu-aarch64-static", 0x0A03),
    Machine("linux/arm/v7", "bookworm", "qemu-arm-static", 0x0903),
    Machine("linux/riscv64", "trixie", "qemu-riscv64-static", 0x1003),
    Machine("linux/ppc64le", "bookworm", "qemu-ppc64le-static", 0x0503),
    Machine("linux/s390x", "bookworm", "qemu-s390x-static", 0x0403, True),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def installed(store: Store, machine: Machine, root: Path) -> None:
    options = DebianOptions(packages=["libc-bin", "xz-utils", "zstd"], suite=machine.suite)
    context = Context(folder=Path("/"), place="rootfs[0]", platform=Platform.parse(machine.platform))
    source = DebianSource(options, context)
    source.fetch(store)
    root.mkdir()
    materialise(source.build(store), root)


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    argv = [need("unshare"), "--map-root-user", "--mount", need("chroot"), str(root), "/emulator", *command]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.platform.removeprefix("linux/"))
def test_a_whole_system(store: Store, tmp_path: Path, machine: Machine) -> None:
    root = tmp_path / "root"
    installed(store, machine, root)
    shutil.copy(need(machine.emulator), root / "emulator")
    loader_root = MachineRoot(root)
    xz = loader_root.file("/usr/bin/xz")
    assert xz is not None
    assert xz.elf is not None
    assert xz.elf.interpreter is not None
    directories = read_loader(loader_root, xz.elf.interpreter, xz.elf).directories
    moved = next(root.glob("usr/lib/*/liblzma.so.5*")).parent
    (root / "opt/lib").mkdir(parents=True)
    for library in moved.glob("liblzma.so.5*"):
        library.rename(root / "opt/lib" / library.name)
    (root / "etc/ld.so.conf").write_text("include /etc/ld.so.conf.d/*.conf\n/opt/lib\n")
    without = run(root, "/usr/bin/xz", "--version")
    if "unshare" in without.stderr or "chroot" in without.stderr:
        missing("this user may not make namespaces")
    assert without.returncode == 127

    loader_root = MachineRoot(root)
    ours = ldconfig.cache_bytes(loader_root, directories, big_endian=machine.big_endian)
    (root / "etc/ld.so.cache").write_bytes(ours)
    assert "liblzma 5" in run(root, "/usr/bin/xz", "--version").stdout

    assert run(root, "/sbin/ldconfig", "-i", "-X").returncode == 0
    real = (root / "etc/ld.so.cache").read_bytes()
    known, made = ldcache.read(real), ldcache.read(ours)
    assert made.big_endian == known.big_endian == machine.big_endian
    assert {entry.flags for entry in made.entries} == {machine.flags}
    if machine.flags == 0x0003:  # ldconfig up to 2.36 has another word for what needs no libc
        known = ldcache.Cache(
            tuple(entry._replace(flags=0x0003) for entry in known.entries), known.big_endian, known.generator
        )
    assert made.entries == known.entries
    assert len(made.entries) > 10
    again = ldcache.write(made.entries, big_endian=machine.big_endian, generator=known.generator)
    assert again == real or machine.flags == 0x0003
    shutil.rmtree(root)
