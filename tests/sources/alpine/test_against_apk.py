"""The same questions put to a real apk, of an unpacked minirootfs of Alpine whose folder FROMSCRATCH_ALPINE_ROOT names.

It runs by its own loader, without chroot, and writes into folders of the tests alone.
"""

import hashlib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import ImageError
from fromscratch.formats.alpine.dependency import parse_dependency
from fromscratch.formats.alpine.index import Package, parse_index
from fromscratch.formats.alpine.segments import first_segments
from fromscratch.formats.alpine.signature import check_signature
from fromscratch.formats.alpine.version import compare
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import Directory, File, HardLink, Symlink
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.alpine.options import AlpineOptions
from fromscratch.sources.alpine.selection import select
from fromscratch.sources.alpine.source import AlpineSource
from fromscratch.sources.alpine.universe import Listed
from fromscratch.sources.contract import Context
from tests.formats.alpine.packages import apk, packed, piece
from tests.sources.alpine.repository import Repository

ROOT = Path(os.environ.get("FROMSCRATCH_ALPINE_ROOT", "/nonexistent"))
REAL = Path(os.environ.get("FROMSCRATCH_SHARED", Path(__file__).parents[4] / "shared")) / "data/alpine"
RELEASE = "alpine-3.16"
pytestmark = pytest.mark.slow
needs_apk = pytest.mark.skipif(not (ROOT / "sbin/apk").exists(), reason="FROMSCRATCH_ALPINE_ROOT names no Alpine root")
needs_index = pytest.mark.skipif(not (REAL / RELEASE).exists(), reason="there is no real index of Alpine")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    [loader] = (ROOT / "lib").glob("ld-musl-*.so.1")
    libraries = f"{ROOT}/lib:{ROOT}/usr/lib"
    call = [str(loader), "--library-path", libraries, str(ROOT / "sbin/apk"), *words]
    return subprocess.run(call, capture_output=True, text=True, check=False)


def plan_of_apk(folder: Path, requests: Sequence[str], *words: str) -> list[str] | None:
    """What apk would install, None if it refuses."""
    if not (folder / "lib/apk").exists():
        folder.mkdir(exist_ok=True)
        run("--root", str(folder), "--arch", "x86_64", "--repositories-file", "/dev/null", "add", "--initdb")
    answer = run("--root", str(folder), "--arch", "x86_64", *words, "add", "--simulate", *requests)
    lines = re.findall(r"Installing (\S+?)(?:@\S+)? \((\S+)\)", answer.stdout)
    return sorted(f"{name} {version}" for name, version in lines) if answer.returncode == 0 else None


def plan_of_ours(listed: Sequence[Listed], tags: Sequence[str], requests: Sequence[str]) -> list[str] | None:
    try:
        found = select(listed, tags, [parse_dependency(one) for one in requests], frozenset(), "rootfs[0]")
    except ImageError:
        return None
    return sorted(str(one.package) for one in found)


@cache
def real_packages() -> tuple[Package, ...]:
    [*_, segment] = first_segments(REAL / RELEASE / "APKINDEX.tar.gz", "the index", 2)
    return tuple(parse_index(segment.files["APKINDEX"].decode(), "the index"))


@needs_index
def test_the_signature_of_a_real_index() -> None:
    path = REAL / "rsa256/APKINDEX.tar.gz"
    keys = {"test-rsa256.rsa.pub": (REAL / "rsa256/test-rsa256.rsa.pub").read_bytes()}
    assert check_signature(path, first_segments(path, "x", 2)[0], keys, "x") == "test-rsa256.rsa.pub"


@needs_apk
@needs_index
@pytest.mark.parametrize("seed", range(4))
def test_plans_over_a_real_index(tmp_path: Path, seed: int) -> None:
    numbers, names = random.Random(seed), sorted({one.name for one in real_packages()})
    repository = tmp_path / "repository/x86_64"
    repository.mkdir(parents=True)
    shutil.copy(REAL / RELEASE / "APKINDEX.tar.gz", repository)
    listed = [Listed(one, 0) for one in real_packages()]
    for _ in range(10):
        requests = [*numbers.sample(names, numbers.choice([1, 2, 3, 5, 8, 15]))]
        requests += [
            numbers.choice(["docs", "/bin/sh", "busybox", "cmd:git", "alpine-base", "bash-completion", "openrc"])
        ]
        requests += ["busybox"] if numbers.random() < 0.7 else []
        where = ["--allow-untrusted", "-X", str(repository.parent)]
        asked = list(dict.fromkeys(requests))
        assert plan_of_ours(listed, [""], asked) == plan_of_apk(tmp_path / "root", asked, *where), asked


NAMES, VIRTUAL = [f"p{number}" for number in range(7)], ["v1", "v2", "so:x"]
VERSIONS = ["1", "1.1", "1.2-r0", "2", "2_rc1"]


def made_index(numbers: random.Random) -> str:
    def dependency() -> str:
        operator = numbers.choice([*[""] * 8, "=", ">", ">=", "<", "~"])
        conflict = "!" if numbers.random() < 0.06 else ""
        version = numbers.choice(VERSIONS) if operator else ""
        return f"{conflict}{numbers.choice(NAMES + VIRTUAL)}{operator}{version}"

    paragraphs = []
    for name in NAMES:
        for version in numbers.sample(VERSIONS, numbers.choice([1, 1, 2])):
            fields = []
            if numbers.random() < 0.45:
                fields.append("D:" + " ".join(dependency() for _ in range(numbers.randint(1, 2))))
            if numbers.random() < 0.4:
                fields.append(f"p:{numbers.choice(VIRTUAL)}{numbers.choice(['', '', '=1', '=2'])}")
            if numbers.random() < 0.2:
                fields.append(f"i:{numbers.choice(NAMES)} {numbers.choice(NAMES)}")
            if numbers.random() < 0.2:
                fields.append(f"k:{numbers.randint(1, 20)}")
            checksum = hashlib.sha1(f"{name}{version}{fields}".encode(), usedforsecurity=False).digest()
            import base64

            shown = base64.b64encode(checksum).decode()
            paragraphs.append(
                "\n".join([f"C:Q1{shown}", f"P:{name}", f"V:{version}", "A:x86_64", "S:1", "I:1", *fields])
            )
    return "\n\n".join(paragraphs) + "\n"


@needs_apk
@pytest.mark.parametrize("seed", range(40))
def test_plans_over_made_repositories(tmp_path: Path, seed: int) -> None:
    numbers = random.Random(seed)
    tags = ["", *(numbers.choice(["", "edge"]) for _ in range(numbers.randint(0, 2)))]
    listed: list[Listed] = []
    lines = []
    for number, tag in enumerate(tags):
        text, folder = made_index(numbers), tmp_path / f"r{number}"
        (folder / "x86_64").mkdir(parents=True)
        (folder / "x86_64/APKINDEX.tar.gz").write_bytes(packed(piece({"APKINDEX": text.encode()}, end=True)))
        listed += [Listed(one, number) for one in parse_index(text, "x")]
        lines.append(f"@{tag} {folder}\n" if tag else f"{folder}\n")
    (tmp_path / "repositories").write_text("".join(lines))
    where = ["--allow-untrusted", "--repositories-file", str(tmp_path / "repositories")]
    for _ in range(4):
        requests = {}
        for name in numbers.sample(NAMES + VIRTUAL, numbers.randint(1, 3)):
            tag = "@edge" if numbers.random() < 0.25 and "edge" in tags else ""
            version = f"{numbers.choice('=><~')}{numbers.choice(VERSIONS)}" if numbers.random() < 0.25 else ""
            requests[name] = f"{name}{tag}{version}"
        asked = list(requests.values())
        assert plan_of_ours(listed, tags, asked) == plan_of_apk(tmp_path / "root", asked, *where), asked


@needs_apk
def test_the_order_of_versions() -> None:
    numbers = random.Random(1)
    parts = [
        "1",
        "0",
        "00",
        "10",
        "01",
        ".",
        ".",
        "_rc",
        "_p",
        "_alpha",
        "a",
        "b",
        "-r",
        "-r1",
        "_",
        "x1",
        ".0",
        "12345678901234567890",
        "~",
    ]
    for _ in range(300):
        left = "".join(numbers.choices(parts[:5], k=1) + numbers.choices(parts, k=numbers.randint(0, 5)))
        right = left + numbers.choice(parts)
        said = run("version", "-t", left, right).stdout.strip()
        assert {-1: "<", 0: "=", 1: ">"}[compare(left, right)] == said, (left, right)


FILES: dict[str, bytes | str | None] = {
    "etc": None,
    "usr@775": None,
    "usr/bin": None,
    "srv@750": None,
    "usr/bin/one@4755": b"one",
    "usr/bin/two@hard": "usr/bin/one",
    "usr/bin/three": "one",
    "etc/.keep_it": b"",
    "etc/.profile@640": b"p",
    "srv/owned": b"o",
    "top": b"",
    ".hidden": b"x",
}
BASE: dict[str, bytes | str | None] = {
    "etc": None,
    "etc/passwd": b"root:x:0:0::/:/bin/sh\nsvc:x:77:78::/:/x\n",
    "etc/group": b"root:x:0:\nsvc:x:78:\n",
}


SCRIPTS = {"post-install": "x", "trigger": "y", "post-upgrade": "z"}


@needs_apk
def test_the_tree_and_the_database_of_apk(tmp_path: Path) -> None:
    dates: dict[str, Any] = {"builddate": "1647977252", "depend": "base"}
    repository = Repository(tmp_path / "repository")
    repository.publish(
        apk("base", BASE, builddate="1647977252"),
        apk("a", FILES, "2.1-r3", owners={"srv": "svc:svc", "srv/owned": "svc:root"}, origin="s", **dates),
        apk("B", {"usr@755": None, "usr/x": b"B", "srv@700": None}, scripts=SCRIPTS, triggers="/usr/* /etc", **dates),
        apk("c", {"usr": None, "usr/x": b"c", "top": b"c"}, replaces=["B", "a"], replaces_priority="3", **dates),
        apk("d", {"usr": None, "usr/x": b"d"}, replaces="c", replaces_priority="1", install_if="a c", **dates),
    )
    root = tmp_path / "root"
    root.mkdir()
    place = str(repository.folder / "main")
    words = ["--arch", "x86_64", "--keys-dir", str(repository.keys), "-X", place, "--no-scripts", "--initdb"]
    answer = run("--root", str(root), *words, "add", "a", "B", "c")
    assert answer.returncode == 0, answer.stderr
    options = AlpineOptions(packages=["a", "B", "c"], repositories=[place], keys=str(repository.keys), applets=False)
    context = Context(folder=tmp_path, place="rootfs[0]", platform=Platform.parse("linux/amd64"))
    source, store = AlpineSource(options, context), Store(tmp_path / "store")
    source.fetch(store)
    ours, theirs = of_tree(source.build(store)), of_disk(root)
    own = (
        "/dev",
        "/proc",
        "/sys",
        "/run",
        "/root",
        "/tmp",
        "/var/cache",
        "/var/tmp",
        "/etc/apk/keys",
        "/lib/apk/db/lock",
    )
    differing = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    assert {path for path in differing if not path.startswith(own)} == set()


def of_tree(tree: Rootfs) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path, entry in tree.items():
        inode = tree.inode(path) if isinstance(entry, HardLink) else entry
        owner = (inode.meta.uid, inode.meta.gid)
        if isinstance(inode, File):
            found[path] = ("file", *owner, inode.meta.mode, read(inode.content))
        elif isinstance(inode, Symlink):
            found[path] = ("link", *owner, inode.target)
        elif isinstance(inode, Directory) and path not in ("/", "/etc"):  # apk makes these itself, as it likes
            found[path] = ("folder", *owner, inode.meta.mode)
    return found


def of_disk(root: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in root.rglob("*"):
        facts, name = path.lstat(), f"/{path.relative_to(root)}"
        owner, mode = (facts.st_uid, facts.st_gid), facts.st_mode & 0o7777
        if path.is_symlink():
            found[name] = ("link", *owner, str(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder", *owner, mode)
        elif path.is_file():
            found[name] = ("file", *owner, mode, path.read_bytes())
    del found["/etc"]
    return found
