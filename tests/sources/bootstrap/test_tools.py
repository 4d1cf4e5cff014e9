"""Roots that the distributions' own tools make, from repositories made here, and of Debian from its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import CommandFailed, ImageError, MissingTool, NotFetched
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.container.emulator import emulator
from fromscratch.host.machine import apt
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File, Origin
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools.contract import EPOCH
from fromscratch.sources.contract import Pinned
from fromscratch.transforms.normalise import normalised
from tests import extraction
from tests.formats.alpine import packages
from tests.formats.alpine.signing import signing_key
from tests.sameness import archive_of, everything
from tests.signers import Signer
from tests.sources.bootstrap import alpine, repositories
from tests.sources.contract import SourceContract, Subject
from tests.trees import listed, text

pytestmark = pytest.mark.slow


def subject(folder: Path, **options: Any) -> Subject:
    return Subject(msgspec.convert(options, BootstrapOptions), folder=folder)


def made(one: Subject, store: Store) -> Rootfs:
    one.bind().fetch(store)
    return one.laid(store)


def why(tree: Rootfs, path: str) -> str:
    entry = tree.find(path)
    assert entry is not None
    origin: Origin | None = entry.origins[0]
    chain = []
    while origin is not None:
        chain.append(f"{origin.reason} {origin.detail}")
        origin = origin.because
    return "; ".join(chain)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


ARM64 = Platform("linux", "arm64")


def runs(platform: Platform) -> bool:
    """Whether programs of that platform can be run here."""
    try:
        emulator(platform)
    except MissingTool:
        return False
    return True


class TestDnfContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        repositories.need("dnf")
        address = repositories.rpms(tmp_path / "rpms")
        options = {"tool": "dnf", "packages": ["app"], "repositories": address, "unsigned": True}
        return Subject(
            msgspec.convert(options, BootstrapOptions),
            folder=tmp_path,
            other=msgspec.convert({**options, "packages": ["lib"]}, BootstrapOptions),
            elsewhere=(ARM64, msgspec.convert(options, BootstrapOptions)) if runs(ARM64) else None,
            recorded="lib",
        )


RPM_TREE = text("""
    f 0644 0:0 5 /etc/lib.conf
    f 0644 0:0 5 /etc/made-by-script
    f 2755 0:0 4 /usr/bin/app
    f 0644 0:0 4 /usr/share/app/data
    d 0750 0:0 /usr/share/lib
    f 0644 0:0 4 /usr/share/lib/data
""")


@pytest.mark.parametrize("tool", ["dnf", "zypper"])
def test_rpm(tool: str, tmp_path: Path, store: Store) -> None:
    repositories.need(tool)
    address = repositories.rpms(tmp_path / "rpms")
    one = subject(tmp_path, tool=tool, packages=["app"], repositories=address, unsigned=True)
    with pytest.raises(NotFetched, match="has not been fetched"):
        one.laid(store)
    tree = made(one, store)
    named = {"/etc/lib.conf", "/etc/made-by-script", "/usr/bin/app", "/usr/share/lib"}
    lines = [line for line in listed(tree).splitlines() if line.split(" ")[-1] in named or line.endswith("data")]
    assert "\n".join(lines) == RPM_TREE
    # A package that was made a moment ago has its own times, and what a script makes has that which tools get.
    times = {path: tree[tree_path(path)].meta.mtime // 1_000_000_000 for path in sorted(named)}
    assert (times["/usr/bin/app"], times["/etc/made-by-script"]) == (repositories.FUTURE, EPOCH)
    assert times["/etc/lib.conf"] > EPOCH
    assert why(tree, "/usr/bin/app") == "shipped in app 1.0-1; asked for app in rootfs[0]"
    assert why(tree, "/usr/share/lib/data") == f"shipped in lib 1.0-1; made by {tool}"
    assert why(tree, "/etc/made-by-script") == f"made by {tool}, or a script of a package"
    assert everything(made(one, Store(tmp_path / "other"))) == everything(tree)
    more = made(
        subject(tmp_path, tool=tool, packages=["app"], repositories=address, unsigned=True, recommends=True), store
    )
    assert "/usr/share/extra/data" in more
    assert "/usr/share/extra/data" not in tree


def test_pacman(tmp_path: Path, store: Store) -> None:
    repositories.need("pacman")
    address = repositories.pacman(tmp_path / "pacman")
    one = subject(tmp_path, tool="pacstrap", packages=["app"], repositories={"test": address}, unsigned=True)
    tree = made(one, store)
    assert "/etc/made-by-script" in tree
    assert why(tree, "/usr/bin/app") == "shipped in app 1.0-1; asked for app in rootfs[0]"
    assert everything(made(one, Store(tmp_path / "other"))) == everything(tree)


def test_a_failing_tool_is_named_with_its_step_and_last_lines(tmp_path: Path, store: Store) -> None:
    repositories.need("dnf")
    address = repositories.rpms(tmp_path / "rpms")
    one = subject(tmp_path, tool="dnf", packages=["ap"], repositories=address, unsigned=True)
    with pytest.raises(CommandFailed, match=r"(?s)^dnf failed while downloading packages.*Unable to find a match: ap"):
        one.bind().fetch(store)


def test_a_repository_that_is_not_there_is_named_as_a_download_is(tmp_path: Path, store: Store) -> None:
    repositories.need("dnf")
    one = subject(tmp_path, tool="dnf", packages=["ap"], repositories="http://127.0.0.1:9/nothing", unsigned=True)
    with pytest.raises(ImageError, match=r"cannot download repomd.xml from http://127.0.0.1:9/nothing"):
        one.bind().fetch(store)


def test_apk(tmp_path: Path, store: Store) -> None:
    """The scripts of Alpine's packages need a shell, which a busybox of this machine is."""
    program = alpine.apk(tmp_path)
    key = signing_key()
    shell = Path("/bin/busybox")
    if not shell.exists():
        pytest.skip("a static busybox is not installed")
    library = packages.apk("lib", {"usr": None, "usr/share": None, "usr/share/lib": b"lib\n"}, key=key)
    busybox = packages.apk("sh", {"bin": None, "bin/sh@755": shell.read_bytes()}, key=key)
    script = {"post-install": "#!/bin/sh\necho made > /etc/made-by-script\n"}
    app = packages.apk(
        "app", {"etc": None, "usr": None, "usr/app": b"app\n"}, scripts=script, depend=["lib", "sh"], key=key
    )
    repository = tmp_path / "alpine" / "x86_64"
    repository.mkdir(parents=True)
    for name, package in (("lib", library), ("sh", busybox), ("app", app)):
        (repository / f"{name}-1-r0.apk").write_bytes(package)
    (repository / "APKINDEX.tar.gz").write_bytes(packages.index(library, busybox, app, key=key))
    (tmp_path / key.name).write_bytes(key.pem)
    one = subject(
        *(tmp_path,), tool="apk", packages=["app"], program=program.name, keyring=key.name,
        repositories=f"file://{repository.parent}",
    )  # fmt: skip
    tree = made(one, store)
    assert "/etc/made-by-script" in tree
    assert why(tree, "/usr/app") == "shipped in app 1-r0; asked for app in rootfs[0]"
    assert everything(made(one, Store(tmp_path / "other"))) == everything(tree)


DEBIAN = pytest.mark.skipif(
    not any("main" in source.components and "bookworm" in source.suites for source in apt.mirrors()),
    reason="this machine's apt has no bookworm",
)


@DEBIAN
def test_mmdebstrap_with_scripts_run(tmp_path: Path, store: Store) -> None:
    """Essential packages alone, which takes the least of what runs scripts: accounts, alternatives, debconf."""
    repositories.need("mmdebstrap")
    one = subject(tmp_path, tool="mmdebstrap", release="bookworm", variant="essential", packages=["jq"])
    tree = made(one, store)
    assert why(tree, "/usr/bin/jq").endswith("asked for jq in rootfs[0]")
    assert why(tree, "/etc/passwd") == "made by mmdebstrap, or a script of a package"
    [unix_chkpwd] = [entry for path, entry in tree.items() if path == "/usr/sbin/unix_chkpwd"]
    assert (unix_chkpwd.meta.mode, unix_chkpwd.meta.uid) == (0o2755, 0)
    assert unix_chkpwd.meta.gid == 42, "shadow"
    listing = tree.find("/etc/apt/sources.list")
    assert isinstance(listing, File)
    assert b"/tmp/bootstrap" not in read(listing.content)
    assert not [path for path in tree if path.startswith(("/var/lib/apt/lists/", "/var/cache/apt/", "/dev/", "/run/"))]
    source = one.bind()
    assert isinstance(source, Pinned)
    pins = source.pins(store)
    assert {pin.kind for pin in pins} == {"index", "package"}
    assert next(pin.url for pin in pins if pin.name.startswith("jq_")).startswith("http")


@DEBIAN
def test_debootstrap(tmp_path: Path, store: Store) -> None:
    repositories.need("debootstrap")
    tree = made(subject(tmp_path, tool="debootstrap", release="bookworm", variant="minbase"), store)
    assert {"/etc/passwd", "/usr/bin/apt", "/usr/bin/awk"} <= set(tree)
    assert why(tree, "/usr/bin/apt").startswith("shipped in apt ")


@DEBIAN
@pytest.mark.parametrize("packages", ["jq", "curl+ca-certificates", "openssh-client"])
def test_our_debian_source_has_what_mmdebstrap_unpacks(packages: str, tmp_path: Path) -> None:
    repositories.need("mmdebstrap")
    chosen = extraction.SETS[packages]
    mirror = next(source.uri for source in apt.mirrors() if "bookworm" in source.suites)
    options = extraction.options(chosen, "bookworm", mirror)
    ours = made(Subject(options, folder=tmp_path), Store(tmp_path / "store"))
    repositories.ran(*extraction.command(chosen, "bookworm", tmp_path / "theirs.tar", mirror))
    assert list(extraction.differences(ours, extraction.theirs(tmp_path / "theirs.tar"))) == []


def python_of_everyone() -> str:
    """A Python of this version that every user can start."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, f"/usr/bin/python{version}"):
        places = [Path(path).resolve(), *Path(path).resolve().parents]
        if places[0].is_file() and all(place.stat().st_mode & 0o001 for place in places):
            return path
    pytest.skip(f"no Python {version} that another user can start")


USER = 1001
"""An ordinary user that a test can become; one with subordinate users has more than user 0 in the namespaces."""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; those of pytest are for one user."""
    with tempfile.TemporaryDirectory(prefix="fromscratch-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("subordinate", [True, False], ids=["subordinate users", "one user"])
def test_an_ordinary_user_makes_the_same(subordinate: bool, open_folder: Path, store: Store) -> None:
    repositories.need("dnf", "newuidmap")
    python = python_of_everyone()
    uid = USER if subordinate else 64_999
    if subordinate and not Path("/etc/subuid").read_text().strip():
        pytest.skip("no user has subordinate users")
    address = repositories.rpms(open_folder / "rpms")
    options = {"tool": "dnf", "packages": ["app"], "repositories": address, "unsigned": True}
    place = open_folder / "of-the-user"
    place.mkdir()
    os.chown(place, uid, uid)
    paths = ":".join(path for path in sys.path if path)
    program = "import json, sys; from tests.sources.bootstrap.as_user import main; main(*sys.argv[1:])"
    call = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", python, "-c")
    environment = {"PYTHONPATH": paths, "HOME": str(place)}
    if subprocess.run([*call, "import tests.sources.bootstrap.as_user"], env=environment, check=False).returncode:
        pytest.skip("other users cannot read these tests, or what they import")
    repositories.ran(*call, program, json.dumps(options), str(place), env=environment)
    theirs = read_tree(place / "root.tar", Origin("user", "made by", "them"))
    ours = made(subject(open_folder, **options), store)
    # What scripts make has the time at which they did.
    assert archive_of(normalised(theirs, 0)) == archive_of(normalised(ours, 0))


class TestSignatures:
    """What a key is named for has to be signed: the tool says so, and nothing is kept."""

    @pytest.mark.parametrize(
        ("tool", "reported"),
        [("dnf", "is not signed"), ("zypper", "(not signed|unsigned|[Ss]ignature|key 1 import failed)")],
    )
    def test_of_rpm(self, tool: str, reported: str, tmp_path: Path, store: Store) -> None:
        repositories.need(tool)
        Signer(tmp_path / "keys.asc")
        address = repositories.rpms(tmp_path / "rpms")
        one = subject(tmp_path, tool=tool, packages=["app"], repositories=address, keyring="keys.asc")
        with pytest.raises(CommandFailed, match=f"(?s)^({tool}|rpm) failed while .*{reported}"):
            made(one, store)

    def test_of_pacman(self, tmp_path: Path, store: Store) -> None:
        repositories.need("pacman", "gpg")
        Signer(tmp_path / "keys.asc")
        repository = {"test": repositories.pacman(tmp_path / "pacman")}
        one = subject(tmp_path, tool="pacstrap", packages=["app"], repositories=repository, keyring="keys.asc")
        with pytest.raises(CommandFailed, match=r"(?s)^pacman failed while .*\.pkg\.tar\.zst\.sig"):
            made(one, store)

    @DEBIAN
    @pytest.mark.parametrize("tool", ["debootstrap", "mmdebstrap"])
    def test_of_debian(self, tool: str, tmp_path: Path, store: Store) -> None:
        repositories.need(tool)
        Signer(tmp_path / "keys.asc")
        one = subject(tmp_path, tool=tool, release="bookworm", packages=["jq"], keyring="keys.asc")
        with pytest.raises(
            CommandFailed, match=rf"(?s)^(apt-get|{tool}) failed while .*(NO_PUBKEY|unknown key|signature)"
        ):
            made(one, store)


def test_nothing_goes_on_when_the_build_is_killed(tmp_path: Path, store: Store) -> None:
    repositories.need("dnf")
    address = repositories.rpms(tmp_path / "rpms")
    options = {"tool": "dnf", "packages": ["app"], "repositories": address, "unsigned": True}
    one = subject(tmp_path, **options)
    one.bind().fetch(store)
    # The program that was fetched with is another: this one would go on for longer than the test waits.
    (tmp_path / "sleeper").write_text("#!/bin/sh\nexec sleep 300\n")
    options["program"] = "sleeper"
    program = "import sys; from tests.sources.bootstrap.as_user import build_again; build_again(*sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(options), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "building\n"
        time.sleep(0.7)
        process.kill()
    deadline = time.monotonic() + 60
    while working_in(store) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert working_in(store) == []
    assert "/usr/bin/app" in one.laid(store)


def working_in(store: Store) -> list[str]:
    """The processes that still work for the store: their first words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            found += [str(words[:2])] if str(store.root).encode() in b" ".join(words) else []
    return found


def laid_and_waited(one: Subject, store: Store) -> None:
    """The build, and a wait for a signal that comes after it on a fast machine."""
    one.laid(store)
    time.sleep(60)


def test_an_interrupted_build_leaves_nothing_and_goes_on(tmp_path: Path, store: Store) -> None:
    repositories.need("dnf")
    address = repositories.rpms(tmp_path / "rpms")
    one = subject(tmp_path, tool="dnf", packages=["app"], repositories=address, unsigned=True)
    one.bind().fetch(store)
    timer = threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        laid_and_waited(one, store)
    timer.join()
    left = [path for path in (store.root / "work" / "bootstrap").rglob("*") if path.is_dir() and path.name == "work"]
    assert left == []
    assert "/usr/bin/app" in one.laid(store)
