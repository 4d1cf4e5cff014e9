"""A container of an ordinary user who has subordinate users, subuid(5): it has many users, and files their owners."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fromscratch.host.container.materialise import owners
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, Meta, Symlink
from fromscratch.model.image import RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.host.container.callers import HERE, NOBODY, Caller
from tests.hosttree import host_tree

IN_MOUNTS = """
for file in /etc/subuid /etc/subgid; do mount --bind "$0" $file; done
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"""
TREE = host_tree("sh", "id", "sleep", "ls", "touch", "mkdir").with_entries(
    {
        tree_path("/srv"): Directory(Meta(0o750, 65532, 65533)),
        tree_path("/srv/page"): File(Meta(0o640, 65532, 7000), Inline(b"x")),
        tree_path("/srv/link"): Symlink(Meta(0o777, 65532, 65533), "page"),
        tree_path("/far"): File(Meta(0o644, 3_000_000, 0), Inline(b"x")),
    }
)

CAT = host_tree("cat")[tree_path("/bin/cat")]
LISTENING = Path(__file__).with_name("listening.py").read_text()


@pytest.fixture
def owner(package: Path, tmp_path: Path) -> Iterator[Caller]:
    """An ordinary user, with subordinate users in a mount namespace of its own."""
    if os.geteuid() != 0 or not shutil.which("newuidmap") or not Path("/etc/subuid").exists():
        pytest.skip("this needs root, newuidmap, and a file /etc/subuid to mount another over")
    folder = Path("/tmp", f"subordinate-{os.urandom(4).hex()}")
    (folder / "work").mkdir(parents=True)
    os.chown(folder / "work", NOBODY, NOBODY)
    (folder / "ranges").write_text(f"{NOBODY}:500000:65536\n")
    prefix = ("unshare", "--mount", "sh", "-c", IN_MOUNTS, str(folder / "ranges"))
    if subprocess.run([*prefix, "unshare", "-Ur", "true"], check=False).returncode:
        pytest.skip("the kernel does not let an ordinary user make namespaces")
    yield Caller("a user with subordinate users", folder, package, prefix)
    left = os.listdir(folder / "work")
    shutil.rmtree(folder)
    assert left == []


@pytest.mark.slow
def test_users_and_owners_are_those_of_the_image(owner: Caller) -> None:
    script = """
from fromscratch.host.container.lifetime import written_root
with written_root(invocation) as root:
    for _ in range(2):
        with running(invocation, root=root) as container:
            print(container.exec(["id", "-u"]).stdout, container.exec(["id", "-u"], user="0").stdout)
            print(container.exec(["ls", "-ln", "/srv"], user="0").stdout.decode().split())
            print(container.exec(["ls", "-lnd", "/srv", "/far"]).stdout.decode().split()[:14:3])
            print(container.exec(["sh", "-c", "mkdir /srv/d; touch /srv/d/own; ls -ln /srv/d"]).stdout.split()[4:6])
            try:
                container.exec(["id"], user="3000000")
            except ImageError as error:
                print(error)
"""
    said = owner.ask(TREE, script, config=RunConfig(cmd=("sleep", "100"), user="web"))
    assert said[: len(said) // 2] == said[len(said) // 2 :]
    page, link = said[1].split("'-rw-r-----'")[1], said[1].split("'lrwxrwxrwx'")[1]
    assert "'65532', '7000'" in page
    assert "'65532', '65533'" in link
    assert (said[0], said[3], said[4]) == (
        r"b'65532\n' b'0\n'",
        "[b'65532', b'65533']",
        "cannot run a command as '3000000' here: 3000000:0 is beyond the range of /etc/subuid",
    )
    assert "'-rw-r--r--'" in said[2]


@pytest.mark.slow
def test_a_setuid_program_gets_its_owners_rights(owner: Caller, tmp_path: Path) -> None:
    source, program = tmp_path / "who.c", tmp_path / "who"
    source.write_text('#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%d\\n", geteuid()); }\n')
    compiler = shutil.which("cc") or pytest.skip("there is no C compiler here")
    subprocess.run([compiler, "-static", "-o", program, source], check=True)
    content = Inline(program.read_bytes())
    tree = TREE.with_entries(
        {
            tree_path("/bin/who-root"): File(Meta(0o4755), content),
            tree_path("/bin/who-other"): File(Meta(0o4755, 77, 0), content),
        }
    )
    script = """
with running(invocation) as container:
    print(container.exec(["who-root"]).stdout, container.exec(["who-other"]).stdout)
"""
    said = owner.ask(tree, script, config=RunConfig(cmd=("sleep", "100"), user="web"))
    assert said == [r"b'0\n' b'77\n'"]


@pytest.mark.slow
def test_a_setuid_program_is_heard(owner: Caller) -> None:
    assert isinstance(CAT, File)
    tree = TREE.with_entries({tree_path("/bin/as-other"): File(Meta(0o4755, 77, 0), CAT.content)})
    script = f"""{LISTENING}
watch = Listening()
with running(invocation, watch) as container:
    print(container.exec(["as-other", "/srv/page"]).code, container.exec(["as-other", "/etc/group"]).code)
print([path for heard in watch.opened.values() for path in sorted(heard) if path in ("/srv/page", "/etc/group")])
"""
    said = owner.ask(tree, script, config=RunConfig(cmd=("sleep", "100"), user="web"))
    assert said == ["0 0", "['/srv/page', '/etc/group']"]


@pytest.mark.slow
def test_a_user_beyond_the_range_is_the_only_one(owner: Caller) -> None:
    script = """
with running(invocation) as container:
    print(container.exec(["id", "-u"]).stdout, container.exec(["ls", "-ln", "/srv/page"]).stdout.split()[2:4])
"""
    said = owner.ask(TREE, script, config=RunConfig(cmd=("sleep", "100"), user="3000000"))
    assert said == [r"b'3000000\n' [b'3000000', b'0']"]


@pytest.mark.slow
def test_what_a_killed_process_left_is_removed_by_the_next(owner: Caller) -> None:
    owner.call(TREE, None, RunConfig(cmd=("sleep", "100"), user="web"), HERE)
    script = "with running(invocation):\n    print('up', flush=True); time.sleep(100)"
    with subprocess.Popen(owner.words(script), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.kill()
    assert len(owner.left()) == 1
    assert owner.ask(TREE, "with running(invocation):\n    print('again')", config=RunConfig(cmd=("id",))) == ["again"]


def test_only_what_an_ordinary_user_cannot_give_is_given_inside() -> None:
    capability = (("security.capability", b"\1\0"), ("user.note", b"x"))
    tree = Rootfs(
        {
            tree_path("/plain"): File(Meta(0o644), Inline(b"")),
            tree_path("/shut"): Directory(Meta(0o555)),
            tree_path("/setuid"): File(Meta(0o4755), Inline(b"")),
            tree_path("/able"): File(Meta(0o755, xattrs=capability), Inline(b"")),
            tree_path("/theirs"): Symlink(Meta(0o777, 5, 6), "plain"),
        }
    )
    given = [(entry.path, entry.uid, entry.gid, entry.mode, entry.attributes) for entry in owners(tree)]
    assert given == [
        ("/able", 0, 0, 0o755, (("security.capability", "0100"),)),
        ("/setuid", 0, 0, 0o4755, ()),
        ("/shut", 0, 0, 0o555, ()),
        ("/theirs", 5, 6, None, ()),
    ]
