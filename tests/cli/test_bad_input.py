"""Every bad input gives exit code 2 or 1, one message, one hint, and leaves nothing half-written."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.formats.oci import documents as oci
from tests.cli.command import Answer, Desk
from tests.engines import missing
from tests.formats.debian.packages import deb
from tests.sources.debian.mirror import Mirror


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.folder.mkdir()
    return made


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror")


def one_message_one_hint(answer: Answer, code: int, *parts: str) -> None:
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err
    assert answer.err.count("error: ") == 1
    assert answer.err.count(" hint: ") == 1
    for part in parts:
        assert part in answer.err


def nothing_half_written(desk: Desk) -> None:
    """No layout and no evidence that could be taken for a build, and no stray file beside them."""
    left = [path for path in (desk.folder / "build").rglob("*") if path.is_file() and path.name != "build.log"]
    assert left == []


def tar(path: Path, *members: tuple[str, bytes, str]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data, link in members:
            member = tarfile.TarInfo(name)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
            member.size = 0 if link else len(data)
            archive.addfile(member, io.BytesIO(data))


def debian(mirror: Mirror, *packages: str) -> str:
    return (
        f"name: demo\nplatforms: [linux/amd64]\nrootfs:\n  - debian: {{suite: bookworm, mirror: '{mirror.address}', "
        f"keyring: '{mirror.keyring}', packages: [{', '.join(packages)}]}}\n"
    )


def test_a_tar_entry_that_leads_outside_the_root(desk: Desk) -> None:
    tar(desk.folder / "root.tar", ("../../etc/passwd", b"x", ""))
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{tarball: root.tar}]\n")
    one_message_one_hint(desk.call("fetch", "build"), 1, "root.tar", "../../etc/passwd", "outside the root")
    nothing_half_written(desk)


def test_an_absolute_symlink_that_a_later_entry_would_be_written_through(desk: Desk) -> None:
    tar(desk.folder / "root.tar", ("etc", b"", "/etc"), ("etc/passwd", b"x", ""))
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{tarball: root.tar}]\n")
    one_message_one_hint(desk.call("fetch", "build"), 1, "/etc/passwd", "absolute symlink /etc -> /etc")
    nothing_half_written(desk)


def test_words_of_an_image_cannot_steer_the_terminal(desk: Desk) -> None:
    annotations = {"org.opencontainers.image.ref.name": "\x1b]0;owned\x07\x9b31m"}
    top = {"mediaType": oci.MANIFEST, "digest": str(Digest.of(b"")), "size": 0, "annotations": annotations}
    (desk.folder / "oci").mkdir()
    (desk.folder / "oci/oci-layout").write_bytes(oci.LAYOUT)
    (desk.folder / "oci/index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    answer = desk.call("ls", "--image", "oci:oci:1.0")
    one_message_one_hint(answer, 2, "has no image named '1.0'", "it holds \\x1b]0;owned\\x07\\x9b31m")
    assert all(char.isprintable() or char == "\n" for char in answer.err)


def test_a_tarball_that_is_cut(desk: Desk) -> None:
    tar(desk.folder / "whole.tar", ("file", b"x" * 5000, ""))
    (desk.folder / "root.tar").write_bytes((desk.folder / "whole.tar").read_bytes()[:3000])
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{tarball: root.tar}]\n")
    one_message_one_hint(desk.call("fetch", "build"), 1, "root.tar")
    nothing_half_written(desk)


def test_a_wrong_hash_names_both_digests(desk: Desk) -> None:
    tar(desk.folder / "root.tar", ("file", b"x", ""))
    found, expected = Digest.of((desk.folder / "root.tar").read_bytes()), "0" * 64
    desk.write(
        "fromscratch.yaml",
        f"name: demo\nrootfs: [{{tarball: {{url: 'file://{desk.folder}/root.tar', sha256: '{expected}'}}}}]\n",
    )
    one_message_one_hint(desk.call("fetch", "build"), 1, str(found), f"sha256:{expected}")
    nothing_half_written(desk)


def test_a_package_that_is_cut_is_named(desk: Desk, mirror: Mirror) -> None:
    whole = deb("Package: app\nVersion: 1\nArchitecture: amd64\n", {"./usr/bin/app": b"app" * 1000})
    mirror.publish(whole)
    desk.write("fromscratch.yaml", debian(mirror, "app"))
    desk.answer("fetch")
    blob = desk.store / "blobs/sha256" / Digest.of(whole).hex
    blob.write_bytes(whole[: len(whole) // 2])  # as a failing disk leaves it
    one_message_one_hint(desk.call("build"), 1, "app")
    nothing_half_written(desk)


def test_a_package_that_changed_on_the_mirror_names_both_digests(desk: Desk, mirror: Mirror) -> None:
    mirror.publish(deb("Package: app\nVersion: 1\nArchitecture: amd64\n", {"./usr/bin/app": b"app"}))
    (package,) = mirror.pool()
    expected = Digest.of(package.read_bytes())
    package.write_bytes(b"something else")
    desk.write("fromscratch.yaml", debian(mirror, "app"))
    one_message_one_hint(desk.call("fetch", "build"), 1, str(expected), str(Digest.of(b"something else")))
    nothing_half_written(desk)


def test_an_index_that_another_key_has_signed(desk: Desk, mirror: Mirror, tmp_path: Path) -> None:
    mirror.publish(deb("Package: app\nVersion: 1\nArchitecture: amd64\n", {"./usr/bin/app": b"app"}))
    stranger = Mirror(tmp_path / "stranger")
    text = debian(mirror, "app").replace(str(mirror.keyring), str(stranger.keyring))
    desk.write("fromscratch.yaml", text)
    one_message_one_hint(desk.call("fetch", "build"), 1, mirror.address, "no good signature")
    nothing_half_written(desk)


def test_a_dependency_that_nobody_provides_names_the_chain(desk: Desk, mirror: Mirror) -> None:
    mirror.publish(
        deb("Package: app\nVersion: 1\nArchitecture: amd64\nDepends: libnone (>= 2)\n", {"./usr/bin/app": b""})
    )
    desk.write("fromscratch.yaml", debian(mirror, "app"))
    one_message_one_hint(desk.call("fetch", "build"), 1, "libnone (>= 2)", "app", "rootfs[0]")
    nothing_half_written(desk)


def test_a_package_that_is_not_there_and_a_slip_of_the_pen(desk: Desk, mirror: Mirror) -> None:
    mirror.publish(deb("Package: busybox\nVersion: 1\nArchitecture: amd64\n", {"./usr/bin/busybox": b""}))
    desk.write("fromscratch.yaml", debian(mirror, "busibox"))
    one_message_one_hint(desk.call("fetch", "build"), 1, "busibox", "busybox")
    nothing_half_written(desk)


def test_build_without_fetch(desk: Desk, mirror: Mirror) -> None:
    mirror.publish(deb("Package: app\nVersion: 1\nArchitecture: amd64\n", {"./usr/bin/app": b""}))
    desk.write("fromscratch.yaml", debian(mirror, "app"))
    one_message_one_hint(desk.call("build"), 1, "fetch")
    nothing_half_written(desk)


def test_no_engine_that_answers(desk: Desk) -> None:
    desk.write("files/app", "x")
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    desk.answer("build")
    desk.variables["DOCKER_HOST"] = f"unix://{desk.folder}/no.sock"
    one_message_one_hint(desk.call("import", "--tag", "x", "--engine", "docker"), 1, "docker")
    one_message_one_hint(desk.call("import", "--tag", "x", "--engine", "dcoker"), 2, "docker")


def test_a_name_that_a_layer_cannot_hold(desk: Desk) -> None:
    (desk.folder / "root/etc").mkdir(parents=True)
    desk.write("root/etc/.wh.passwd", "")
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{directory: root}]\n")
    one_message_one_hint(desk.call("build"), 1, "/etc/.wh.passwd")
    nothing_half_written(desk)


def test_a_full_disk_is_told_and_leaves_nothing_and_with_room_it_goes_on(desk: Desk) -> None:
    (desk.folder / "root").mkdir()
    (desk.folder / "root/large").write_bytes(bytes(range(256)) * 40_000)
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{directory: root}]\ncompression: none\n")
    (desk.folder / "build").mkdir()
    private = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*private, "true"], check=False, capture_output=True).returncode:
        missing("this kernel gives no namespace to mount a small disk in")
    script = 'mount -t tmpfs -o size=1m none build && "$@"; code=$?; find build -type f; exit $code'
    small = desk.call("build", program=(*private, "sh", "-c", script, "sh", *_PROGRAM))
    one_message_one_hint(small, 1, "No space left on device", "the disk is full")
    assert small.out == ""
    assert "demo linux/" in desk.answer("build")


@pytest.fixture
def held(mirror: Mirror) -> Iterator["Held"]:
    """The mirror behind a web server that stops in the midst of a package until it is released."""
    server = Held(("127.0.0.1", 0), partial(Halting, directory=str(mirror.folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Held(ThreadingHTTPServer):
    reached, released = threading.Event(), threading.Event()


class Halting(SimpleHTTPRequestHandler):
    def copyfile(self, source: Any, outputfile: Any) -> None:
        assert isinstance(self.server, Held)
        data = source.read()
        outputfile.write(data[: len(data) // 2])
        if "second" in self.path and not self.server.released.is_set():
            self.server.reached.set()
            self.server.released.wait(60)
        with suppress(OSError):  # who was interrupted reads no further
            outputfile.write(data[len(data) // 2 :])

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its own word


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fetch_keeps_what_came_and_the_next_one_goes_on(
    desk: Desk, mirror: Mirror, held: Held, number: signal.Signals
) -> None:
    held.reached.clear()
    held.released.clear()
    mirror.publish(
        *(
            deb(f"Package: {name}\nVersion: 1\nArchitecture: amd64\n", {f"./usr/bin/{name}": os.urandom(200_000)})
            for name in ("first", "second")
        )
    )
    recipe = debian(mirror, "first", "second").replace(mirror.address, f"http://127.0.0.1:{held.server_address[1]}")
    desk.write("fromscratch.yaml", recipe)
    with desk.process("fetch") as process:
        assert held.reached.wait(30)
        process.send_signal(number)
        _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    held.released.set()
    assert "demo linux/amd64: " in desk.answer("fetch", "build")


_PROGRAM = (sys.executable, "-m", "fromscratch")
