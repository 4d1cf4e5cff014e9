"""`push` and `pull` that end in the middle: killed, interrupted, on a full disk. What is there is right, and a base."""

import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.formats.oci.graph import graph
from tests.cli.command import Answer, Desk
from tests.engines import need, need_root
from tests.registry import faults
from tests.registry.pictures import MB, contents, picture, same, weight
from tests.registry.proxy import Proxy
from tests.registry.registries import Registry
from tests.registry.users import failed, layout_at, pushed_reference

pytestmark = [pytest.mark.slow, pytest.mark.engine]


class TestKilled:
    IMAGE = picture(24 * MB, 8 * MB, 100)

    @pytest.mark.parametrize("after", range(0, 16, 2))
    def test_a_push_is_pushed_by_the_next(self, user: Desk, proxy: Proxy, registry: Registry, after: int) -> None:
        """At the nth request: before the first byte, within blobs, between them and before the manifest."""
        gate = proxy.gate()
        proxy.rule(".*", "", faults.held(gate, 6 * MB), after=after)
        words = ("push", f"{proxy.host}/hello:1", "--image", pushed_reference(user, self.IMAGE))
        with user.process(*words) as process:
            ended = arrival_or_end(gate.arrived.is_set, process)
            process.kill()
        gate.released.set()
        proxy.rules.clear()
        proxy.await_silence()
        assert registry.tags("hello") == (["1"] if ended else [])
        there = sum(blob.size for blob in graph([self.IMAGE]).blobs[:-1] if registry.blob("hello", blob.digest))
        proxy.forget()
        user.answer(*words)
        assert proxy.uploaded() == weight(self.IMAGE) - there
        assert Digest.of(registry.manifest("hello", "1")[0]) == graph([self.IMAGE]).top.digest
        for digest, data in contents(graph([self.IMAGE])).items():
            assert data in (registry.blob("hello", digest), registry.manifest("hello", "1")[0])

    @pytest.mark.parametrize("held_at", [0, 1, 2 * MB, 20 * MB])
    def test_a_pull_is_pulled_by_the_next(self, user: Desk, proxy: Proxy, registry: Registry, held_at: int) -> None:
        name = f"{proxy.host}/hello:1"
        user.answer("push", name, "--image", pushed_reference(user, self.IMAGE))
        large = self.IMAGE.layers[0]
        gate = proxy.gate()
        proxy.rule("GET", str(large.digest), faults.held_answer(gate, held_at))
        with user.process("pull", name, "--output", "out") as process:
            gate.await_arrival()
            others = graph([self.IMAGE]).blobs[1:-1]
            wait_until(lambda: all(stored(user, blob.digest) for blob in others))
            wait_until(lambda: waiting(user) >= held_at - MB)
            process.kill()
        gate.released.set()
        assert not (user.folder / "out").exists()
        assert all(Digest.of(path.read_bytes()).hex == path.name for path in user.store.glob("blobs/sha256/*"))
        came = waiting(user)
        assert came <= held_at
        proxy.forget()
        user.answer("pull", name, "--output", "out")
        assert same(graph(layout_at(user.folder / "out")), graph([self.IMAGE]))
        assert proxy.downloaded() == large.size - came
        assert [path for path in user.folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_push_that_is_interrupted_ends_at_once(
    user: Desk, proxy: Proxy, registry: Registry, number: signal.Signals
) -> None:
    gate = proxy.gate()
    proxy.rule("PUT|PATCH", "/blobs/uploads/", faults.held(gate, 6 * MB))
    with user.process("push", f"{proxy.host}/hello:1", "--image", pushed_reference(user, picture(24 * MB))) as process:
        gate.await_arrival()
        process.send_signal(number)
        _out, err = process.communicate(timeout=30)
    assert (process.returncode, "interrupted" in err, "Traceback" in err) == (130, True, False)
    assert not gate.released.is_set()  # it opens by itself at last
    assert registry.tags("hello") == []


def test_one_that_waits_to_try_again_takes_back_what_it_has_begun(user: Desk, proxy: Proxy) -> None:
    proxy.rule("PUT", "/blobs/uploads/", faults.status(503, Retry_After="60"), times=None)
    with user.process("push", f"{proxy.host}/hello:1", "--image", pushed_reference(user, picture(MB))) as process:
        wait_until(lambda: len([seen for seen in proxy.requests("PUT") if seen.status]) == 2)
        time.sleep(0.5)  # it has read the answers, and waits
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert len(proxy.requests("DELETE")) == len(proxy.requests("POST")) == 2


def test_a_pull_that_fails_leaves_the_layout_that_was_there(user: Desk, proxy: Proxy) -> None:
    name = f"{proxy.host}/hello:1"
    user.answer("push", name, "--image", pushed_reference(user, picture(MB)))
    user.answer("pull", name, "--output", "out")
    before = {path: path.read_bytes() for path in (user.folder / "out").rglob("*") if path.is_file()}
    user.answer("push", name, "--image", pushed_reference(user, picture(MB, seed=5)))
    proxy.rule("GET", "/blobs/", faults.with_corrupted_body, times=None)
    failed(user.call("pull", name, "--output", "out"), 1, "sha256:")
    assert {path: path.read_bytes() for path in (user.folder / "out").rglob("*") if path.is_file()} == before


class TestFullDisks:
    """A filesystem of few bytes, mounted where only the call sees it; what is left is told by the same shell."""

    IMAGE = picture(6 * MB, 100)

    def inside(self, user: Desk, place: Path, size: str, words: Sequence[str]) -> Answer:
        """The call with the place on a filesystem of that size, what that left, and the call on a larger one."""
        need_root("a mount")
        place.mkdir(parents=True, exist_ok=True)
        call, folder = shlex.join([sys.executable, "-m", "fromscratch", *words]), shlex.quote(str(place))
        script = f"""
            mount -t tmpfs -o size={size} tests {folder} || exit 99
            {call}
            echo "code $?"
            (cd {folder} && find . -type f -size +0 -printf 'left %P\\n')
            mount -o remount,size=100m {folder} || exit 99
            {call}
            echo "code $?"
            cp -R {folder} {folder}.copy
        """
        return user.call(program=(need("unshare"), "-m", "--propagation", "private", "sh", "-c", script))

    def test_of_the_store(self, user: Desk, registry: Registry) -> None:
        name = f"{registry.host}/hello:1"
        user.answer("push", name, "--image", pushed_reference(user, self.IMAGE))
        shutil.rmtree(user.store)
        answer = self.inside(user, user.store, "3m", ["pull", name, "--output", "out"])
        failed(answer, 0, "No space left on device")
        assert [line for line in answer.out.splitlines() if line.startswith("code")] == ["code 1", "code 0"]
        assert f"left blobs/sha256/{self.IMAGE.layers[0].digest.hex}" not in answer.out
        assert same(graph(layout_at(user.folder / "out")), graph([self.IMAGE]))

    def test_of_the_output(self, user: Desk, registry: Registry) -> None:
        name = f"{registry.host}/hello:1"
        user.answer("push", name, "--image", pushed_reference(user, self.IMAGE))
        answer = self.inside(user, user.folder / "outs", "3m", ["pull", name, "--output", "outs/out"])
        failed(answer, 0, "No space left on device")
        assert [line for line in answer.out.splitlines() if line[:4] in ("code", "left")] == ["code 1", "code 0"]
        assert same(graph(layout_at(user.folder / "outs.copy/out")), graph([self.IMAGE]))

    def test_a_limit_of_the_size_of_files(self, user: Desk, registry: Registry) -> None:
        name = f"{registry.host}/hello:1"
        user.answer("push", name, "--image", pushed_reference(user, self.IMAGE))
        shutil.rmtree(user.store)
        limited = ("sh", "-c", 'ulimit -f 4000; exec "$@"', "sh", sys.executable, "-m", "fromscratch")
        failed(user.call("pull", name, "--output", "out", program=limited), 1, "File too large")
        assert not (user.folder / "out").exists()
        assert not stored(user, self.IMAGE.layers[0].digest)
        user.answer("pull", name, "--output", "out")


def arrival_or_end(arrived: Callable[[], bool], process: "subprocess.Popen[str]") -> bool:
    """Whether the process came to its end without coming to the gate."""
    wait_until(lambda: arrived() or process.poll() is not None)
    return not arrived()


def wait_until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.02)


def stored(user: Desk, digest: Digest) -> bool:
    return (user.store / "blobs" / digest.algorithm / digest.hex).exists()


def waiting(user: Desk) -> int:
    """The bytes of the largest transfer under way."""
    sizes = [path.stat().st_size for path in user.store.glob("partial/*") if path.is_file() and not path.suffix]
    return max(sizes, default=0)
