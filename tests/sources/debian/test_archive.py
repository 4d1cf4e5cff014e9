"""The Debian source against the real archive that this machine's apt uses, and against Debian's own tools."""

import platform
import shutil
import time
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError
from fromscratch.formats.busybox import applets
from fromscratch.formats.debian.package import control_files, expand_data
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.machine import apt as apt_config
from fromscratch.host.process.run import environment, run
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File, Symlink
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import SILENT
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.planning import archives
from fromscratch.sources.debian.source import DebianSource

# Debian 12 has no riscv64; everything else is that of this project's own reference machine.
SUITES = {
    "linux/amd64": "bookworm",
    "linux/arm64": "bookworm",
    "linux/arm/v7": "bookworm",
    "linux/386": "bookworm",
    "linux/riscv64": "trixie",
}
EMULATORS = {
    "linux/arm64": "qemu-aarch64-static",
    "linux/arm/v7": "qemu-arm-static",
    "linux/386": "qemu-i386-static",
    "linux/riscv64": "qemu-riscv64-static",
    "linux/amd64": "qemu-x86_64-static",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not any("main" in source.components for source in apt_config.mirrors()),
        reason="this machine has no apt sources, so no Debian mirror is known",
    ),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def source(packages: list[str], platform: str = "linux/amd64", suite: str = "") -> DebianSource:
    options = DebianOptions(packages=packages, suite=suite or SUITES[platform])
    return DebianSource(options, Context(folder=Path("/"), place="rootfs[0]", platform=Platform.parse(platform)))


def tree_of(store: Store, packages: list[str], platform: str = "linux/amd64") -> Rootfs:
    made = source(packages, platform)
    made.fetch(store)
    return made.build(store)


def extracted(tree: Rootfs, folder: Path) -> Path:
    with open(folder / "root.tar", "wb") as out:
        out.writelines(blocks(tree))
    (folder / "root").mkdir()
    run(["tar", "-x", "-f", str(folder / "root.tar"), "-C", str(folder / "root")])
    return folder / "root"


def emulated(root: Path, machine: str, *words: str) -> str:
    """What busybox of this root writes when an emulator runs it."""
    emulator = shutil.which(EMULATORS[machine])
    if emulator is None:
        pytest.skip(f"{EMULATORS[machine]} is not installed")
    loader = []
    if machine == "linux/amd64":
        # Debian 12 has an absolute link at /lib64/ld-linux-x86-64.so.2, which leads to the loader of this machine. If
        # that is of another GLIBC, the program ends with "stack smashing detected".
        libraries = root / "usr/lib/x86_64-linux-gnu"
        loader = [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries)]
    return run([emulator, "-L", str(root), *loader, str(root / "usr/bin/busybox"), *words]).stdout.decode()


@pytest.mark.parametrize("machine", list(SUITES))
def test_busybox_runs_on_every_architecture(store: Store, tmp_path: Path, machine: str) -> None:
    tree = tree_of(store, ["busybox"], machine)
    assert tree.find("/bin/sh") == tree.find("/usr/bin/busybox")
    root = extracted(tree, tmp_path)
    assert emulated(root, machine, "echo", "here") == "here\n"


@pytest.mark.parametrize("machine", ["linux/amd64", "linux/riscv64"])
def test_applets_are_those_that_busybox_names_itself(store: Store, tmp_path: Path, machine: str) -> None:
    tree = tree_of(store, ["busybox"], machine)
    root = extracted(tree, tmp_path)
    said = emulated(root, machine, "--list-full")
    binary = tree[TreePath("/usr/bin/busybox")]
    assert isinstance(binary, File)
    ours = [f"{applet.folder}/{applet.name}".lstrip("/") for applet in applets(read(binary.content))]
    assert ours == said.split()


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get, the oracle, is not on this machine")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the oracle would plan for another architecture")
@pytest.mark.parametrize(
    "packages",
    [
        ["busybox"],
        ["git", "python3", "curl", "ca-certificates"],
        ["nginx", "postgresql"],
        ["emacs-nox", "build-essential"],
        ["libreoffice-writer"],
        ["gnome-shell"],
        ["default-jre", "exim4"],
        ["apache2", "php", "podman", "netavark"],  # of equal providers apt takes another one
    ],
    ids=" ".join,
)
def test_the_same_packages_as_apt_would_install(store: Store, apt: list[str], packages: list[str]) -> None:
    made = source(packages)
    seen = archives.look(store, made._planner.archives(), SILENT)
    plan = made._planner.plan(store, seen, time.time())
    done = run([*apt, "--simulate", "install", *packages]).stdout.decode()
    theirs = {line.split()[1].partition(":")[0] for line in done.splitlines() if line.startswith("Inst ")}
    assert {package.name for package in plan.packages if not package.part} == theirs


@pytest.fixture(scope="module")
def apt(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """apt-get for an empty system, with the suite's lists in a folder of their own."""
    folder = tmp_path_factory.mktemp("apt")
    for name in ("state/lists/partial", "cache/archives/partial", "parts"):
        (folder / name).mkdir(parents=True)
    requests = {"bookworm", "bookworm-updates", "bookworm-security"}
    lines = [
        f"deb [{' '.join(f'signed-by={key}' for key in one.signed_by)}] {one.uri} {suite} main\n".replace("[] ", "")
        for one in apt_config.mirrors()
        for suite in one.suites
        if suite in requests
    ]
    if not any(" bookworm main" in line for line in lines):
        pytest.skip("this machine's apt sources have no bookworm")
    (folder / "sources.list").write_text("".join(lines))
    options = {
        "Dir::State": folder / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "parts",
        "APT::Architecture": "amd64",
        "APT::Install-Recommends": "false",
        "APT::Install-Essential": "false",
        "pkgCacheGen::Essential": "none",
        "Dir::Cache::pkgcache": "pkgcache.bin",  # some machines of containers keep none
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
    }
    command = ["apt-get", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    run([*command, "update"], env=environment({"DEBIAN_FRONTEND": "noninteractive"}))
    return command


def test_certificates_are_linked_as_openssl_does(store: Store, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl, the oracle, is not installed")
    tree = tree_of(store, ["ca-certificates"])
    folder = tmp_path / "certs"
    folder.mkdir()
    for path in tree.within(TreePath("/etc/ssl/certs")):
        entry = tree.find(path)
        if path.endswith(".pem") and isinstance(entry, File):
            (folder / path.rpartition("/")[2]).write_bytes(read(entry.content))
    run(["openssl", "rehash", str(folder)])
    theirs = {path.name: str(path.readlink()) for path in folder.iterdir() if path.is_symlink()}
    ours = {
        path.rpartition("/")[2]: entry.target
        for path in tree.within(TreePath("/etc/ssl/certs"))
        if isinstance(entry := tree[path], Symlink) and not path.endswith(".pem")
    }
    assert ours == theirs
    assert len(ours) > 100


def test_a_real_package_cut_anywhere(store: Store, tmp_path: Path) -> None:
    made = source(["busybox"])
    made.fetch(store)
    whole = store.read(Digest.parse(next(one.digest for one in made.plan(store).packages if one.name == "busybox")))
    package = tmp_path / "busybox.deb"
    for end in range(0, len(whole), len(whole) // 40):
        package.write_bytes(whole[:end])
        with pytest.raises(FormatError, match=r"busybox\.deb"):
            expand_data(package, tmp_path / "data.tar")
        assert isinstance(_refusal(package), FormatError | None)


def _refusal(package: Path) -> ImageError | None:
    try:
        control_files(package)
    except ImageError as error:
        return error
    return None


def test_a_whole_system(store: Store) -> None:
    tree = tree_of(store, ["apt", "base-files", "base-passwd", "dash", "coreutils", "login", "mawk", "util-linux"])
    for path in ("/bin/sh", "/usr/bin/ls", "/usr/bin/awk", "/etc/passwd", "/etc/os-release", "/var/run"):
        assert tree.find(path) is not None, path
    assert tree[TreePath("/usr/bin/su")].meta.mode == 0o4755
    assert tree[TreePath("/tmp")].meta.mode == 0o1777
