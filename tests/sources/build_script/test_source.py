"""Scripts that build: what they find, what is taken, and what is said when they fail."""

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from fromscratch.errors import CommandFailed, ImageError, MissingTool, NotFetched, UsageError
from fromscratch.flow.base_images import named_image
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.images.layout import read_layout, write_layout
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import File
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.build_script.log import MOST
from fromscratch.sources.build_script.options import BuildScriptOptions
from fromscratch.sources.build_script.source import BuildScriptSource
from fromscratch.sources.contract import Context
from tests.engines import need
from tests.hosttree import host_tree
from tests.made_images import HERE, image_of
from tests.sources.contract import SourceContract, Subject
from tests.trees import listed, text, tree

pytestmark = pytest.mark.slow

INSTALL = 'mkdir -p "$DESTDIR/usr/share"; cp * "$DESTDIR/usr/share/"\n'


def archive(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        (tmp_path / "src").mkdir()
        (tmp_path / "src/file").write_text("text\n")
        options = BuildScriptOptions(source="src", script=INSTALL)
        return Subject(
            options,
            folder=tmp_path,
            change=lambda: (tmp_path / "src/file").write_text("other\n"),
            other=replace(options, script=INSTALL + "true"),
        )


class Desk:
    """A folder with a recipe's sources, and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(folder.parent / "store")
        self.log = folder.parent / "build.log"
        (folder / "src").mkdir(parents=True)
        (folder / "src/file").write_text("text\n")

    def source(self, script: str, **options: object) -> BuildScriptSource:
        made = msgspec.convert({"source": "src", **options, "script": script}, BuildScriptOptions)
        platform = Platform("linux", "arm64")
        context = Context(folder=self.folder, place="rootfs[0]", platform=platform, log=self.log, epoch=86400)
        context = replace(context, named_image=named_image)
        return BuildScriptSource(made, context)

    def built(self, script: str, **options: object) -> Rootfs:
        source = self.source(script, **options)
        source.fetch(self.store)
        return source.build(self.store)

    def said(self, script: str, **options: object) -> list[str]:
        """The lines that a script writes into the file that it installs."""
        made = self.built(f'mkdir -p "$DESTDIR/o"; {{ {script}; }} > "$DESTDIR/o/out"', **options)
        entry = made[TreePath("/o/out")]
        assert isinstance(entry, File)
        with entry.content.open() as stream:
            return stream.read().decode().splitlines()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def test_a_script_is_never_root_has_no_network_and_sees_nothing_else_of_the_machine(desk: Desk) -> None:
    script = """
        id -u; id -un; pwd; ls
        touch /usr/new || echo read-only
        test -e /root -o -e /home || echo no homes
        cat /proc/net/dev | grep -c :
        env | grep -c SECRET || true
        stat -c %Y file
        chown 0:0 file && echo as if
    """
    said = desk.said("\n".join(line.strip() for line in script.strip().splitlines()))
    assert said[:4] == ["65532", "build", "/build/src", "file"]
    assert [line for line in said[4:] if not line.startswith("touch:")] == [
        "read-only",
        "no homes",
        "1",
        "0",
        "86400",
        "as if",
    ]


def test_a_script_gets_the_variables_that_make_its_result_the_same_everywhere(desk: Desk) -> None:
    said = desk.said('echo "$PLATFORM $GOARCH $SOURCE_DATE_EPOCH $TZ $LC_ALL $OWN"; umask', env={"OWN": "x"})
    assert said == ["linux/arm64 arm64 86400 UTC C.UTF-8 x", "0022"]


def test_modes_and_links_are_taken_and_owners_are_those_of_the_recipe(desk: Desk) -> None:
    made = desk.built(
        'cd "$DESTDIR"; mkdir -p bin lib; echo a > bin/a; chmod 4755 bin/a; ln bin/a bin/b; ln -s a bin/c; touch lib/x',
        take=["/bin"],
        exclude=["/bin/d"],
        owner="1:2",
        into="/opt",
        modes={"/bin/a": "755"},
    )
    assert listed(made) == text("""
        d 0755 1:2 /opt
        d 0755 1:2 /opt/bin
        f 0755 1:2 2 /opt/bin/a
        h 0755 1:2 /opt/bin/b => /opt/bin/a
        l 0777 1:2 /opt/bin/c -> a
    """)


def test_sources_are_laid_over_each_other_and_archives_are_unpacked(desk: Desk) -> None:
    (desk.folder / "a.tar.gz").write_bytes(archive("a-1.0/x/deep", b"a"))
    (desk.folder / "plain.gz").write_bytes(gzip.compress(b"one file"))
    (desk.folder / "src/.git").mkdir()
    said = desk.said(
        "find . -type f | sort",
        source=[
            {"path": "src", "exclude": ["nothing"]},
            {"path": "a.tar.gz"},
            {"path": "a.tar.gz", "into": "/whole", "strip": 0},
            {"path": "a.tar.gz", "unpack": False, "into": "deps/a.tgz"},
            {"path": "plain.gz"},
        ],
    )
    assert said == ["./deps/a.tgz", "./file", "./plain.gz", "./whole/a-1.0/x/deep", "./x/deep"]


def test_an_address_is_verified_and_fetched_before_the_build(desk: Desk) -> None:
    data = archive("a-1.0/from-there", b"a")
    (desk.folder / "far.tar.gz").write_bytes(data)
    far = {"url": (desk.folder / "far.tar.gz").as_uri(), "sha256": hashlib.sha256(data).hexdigest()}
    with pytest.raises(NotFetched, match="not in the store"):
        desk.source(INSTALL, source=far).build(desk.store)
    assert desk.said("ls", source=far) == ["from-there"]
    (pin,) = desk.source(INSTALL, source=far).pins(desk.store)
    assert (pin.kind, pin.digest) == ("archive", f"sha256:{far['sha256']}")


def test_a_commit_of_a_repository_is_fetched_and_built(desk: Desk) -> None:
    need("git")
    repository = desk.folder / "repository"

    def git(*words: str) -> str:
        own = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(
            ["git", *who, *words], cwd=repository, env=own, capture_output=True, text=True, check=True
        ).stdout.strip()

    repository.mkdir()
    (repository / "of-the-commit").write_text("x")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    source = {"git": repository.as_uri(), "commit": git("rev-parse", "HEAD"), "into": "lib"}
    with pytest.raises(NotFetched, match="is not in the store"):
        desk.source(INSTALL, source=[{"path": "src"}, source]).build(desk.store)
    assert desk.said("ls . lib", source=[{"path": "src"}, source]) == [".:", "file", "lib", "", "lib:", "of-the-commit"]
    pin = desk.source(INSTALL, source=source).pins(desk.store)[0]
    assert (pin.kind, pin.version) == ("repository", source["commit"])


def test_the_same_is_not_built_again_wherever_it_lies(desk: Desk, tmp_path: Path) -> None:
    first = listed(desk.built('mkdir "$DESTDIR/o"; date +%N > "$DESTDIR/o/n"; echo ran'))
    other = Desk(tmp_path / "elsewhere")
    other.store = desk.store
    script = 'mkdir "$DESTDIR/o"; date +%N > "$DESTDIR/o/n"; echo ran'
    assert listed(other.built(script)) == first
    assert desk.log.read_text().count("\nran\n") == 1
    (other.folder / "src/file").write_text("changed\n")
    other.built(script)
    assert desk.log.read_text().count("\nran\n") == 2


def test_a_failing_step_is_named_with_its_last_lines(desk: Desk) -> None:
    with pytest.raises(CommandFailed) as failed:
        desk.built("echo fine\nfor each in 1 2; do echo line $each; done; ls /nothing-here\necho never\n")
    assert failed.value.message == (
        "the script of build_script src failed with exit code 2 at line 2, ls /nothing-here:\n"
        "  ls: cannot access '/nothing-here': No such file or directory"
    )
    assert "build.log" in failed.value.hint
    assert "fine\n" in desk.log.read_text()


def test_a_program_that_is_missing_is_named(desk: Desk) -> None:
    with pytest.raises(CommandFailed, match="exit code 127") as failed:
        desk.built("no-such-program --x")
    assert "name no-such-program under needs:" in failed.value.hint
    with pytest.raises(MissingTool, match="needs no-such-program, other-one") as missing:
        desk.source("true", needs=["sh", "no-such-program", "other-one"]).fetch(desk.store)
    assert "apt-get install no-such-program other-one" in missing.value.hint


def test_a_folder_of_tools_is_in_the_path(desk: Desk) -> None:
    tools = desk.folder / "tool box/bin"
    tools.mkdir(parents=True)
    (tools / "own-tool").write_text("#!/bin/sh\necho from the tool\n")
    (tools / "own-tool").chmod(0o755)
    assert desk.said("own-tool", tools=["tool box"], needs=["own-tool"]) == ["from the tool"]


@pytest.fixture
def tools(desk: Desk) -> Path:
    """A layout with an image that has a few programs of this machine, and an account of its own."""
    added = tree("""
        f 0644 0:0 /etc/passwd 'web:x:7:7::/:/bin/sh\\n'
        f 0755 0:0 /opt/bin/of-the-image '#!/bin/sh\\necho from the image\\n'
    """)
    root = host_tree("sh", "cp", "mkdir", "cat", "id", "ls").merged(added, replace=True, directories="keep")
    tar = b"".join(bytes(block) for block in blocks(root))
    config = RunConfig(env={"PATH": "/opt/bin:/usr/bin:/bin", "OF_THE_IMAGE": "yes", "TZ": "Mars"})
    write_layout(desk.folder / "tools", [image_of(tar, config=config, platform=HERE)], tag="1")
    return desk.folder / "tools"


def test_the_programs_of_an_image_take_the_place_of_those_of_this_machine(desk: Desk, tools: Path) -> None:
    script = "of-the-image; echo $OF_THE_IMAGE $TZ; id -un; cat /etc/passwd; ls /usr/bin/gcc || echo no compiler; pwd"
    assert desk.said(script, image="oci:tools", needs=["cp", "of-the-image"]) == [
        "from the image",
        "yes UTC",
        "build",
        "web:x:7:7::/:/bin/sh",
        "root:x:0:0:root:/:/bin/sh",
        "build:x:65532:65532:build:/build/home:/bin/sh",
        "no compiler",
        "/build/src",
    ]
    pin = desk.source(INSTALL, image="oci:tools").pins(desk.store)[-1]
    assert (pin.kind, pin.name, pin.digest) == ("image", "oci:tools", f"sha256:{manifest_of(tools)}")
    with pytest.raises(MissingTool, match="gcc, make, not found in the image oci:tools"):
        desk.source("true", image="oci:tools", needs=["cp", "gcc", "make"]).fetch(desk.store)


def test_another_image_builds_anew_and_the_same_does_not(desk: Desk, tools: Path) -> None:
    before = desk.source(INSTALL, image="oci:tools").fingerprint(desk.store)
    assert desk.source(INSTALL, image="oci:tools").fingerprint(desk.store) == before
    (image,) = read_layout(tools)
    write_layout(tools, [replace(image, config=RunConfig(env={"PATH": "/bin"}), original=None)], tag="1")
    assert desk.source(INSTALL, image="oci:tools").fingerprint(desk.store) != before


def manifest_of(layout: Path) -> str:
    (image,) = read_layout(layout)
    return image_documents(image).descriptor.digest.hex


def test_another_interpreter_is_named_by_the_first_line(desk: Desk) -> None:
    perl = shutil.which("perl", path="/usr/bin:/bin")
    if perl is None:
        pytest.skip("perl is not on this machine")
    script = f'#!{perl}\nmkdir "$ENV{{DESTDIR}}/p"; open(F, ">", "$ENV{{DESTDIR}}/p/x"); print F "perl"; close(F);\n'
    assert "f 0644 0:0 4 /p/x" in listed(desk.built(script))


def test_an_interpreter_that_is_not_there_fails_the_build_and_is_named(desk: Desk) -> None:
    with pytest.raises(ImageError, match="cannot be started by its first line, #!/usr/bin/nothing") as caught:
        desk.built("#!/usr/bin/nothing\n")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("script", "options", "told"),
    [
        ("true", {}, "installed nothing"),
        (INSTALL, {"take": ["/usr/bin"]}, "take: /usr/bin matches nothing"),
        (INSTALL, {"source": "sources"}, "there is no"),
        (INSTALL, {"tools": ["none"]}, "there is no"),
        (INSTALL, {"modes": {"/usr/share/fil": "644"}}, "/usr/share/fil"),
    ],
)
def test_what_cannot_be_is_said(desk: Desk, script: str, options: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        desk.built(script, **options)


def test_a_log_is_bounded_and_an_endless_script_ends_with_its_caller(desk: Desk) -> None:
    with pytest.raises(CommandFailed, match="last words"):
        desk.built(f"head -c {MOST + 10_000_000} /dev/zero | tr '\\\\0' 'x' | fold -w 999; echo last words; false")
    assert desk.log.stat().st_size < MOST + 2000
