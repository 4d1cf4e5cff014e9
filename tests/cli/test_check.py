"""`build --check` as a user meets it: one line when all is well, and when not the difference, its cause and a hint."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.cli.command import Desk, invoke_in_checkout
from tests.engines import need, need_root
from tests.made_images import HERE

pytestmark = pytest.mark.slow

CONDITIONS = "umask, time zone, locale, hash seed, file order, CPUs, clock, environment"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store", {"TMPDIR": str(tmp_path / "temporary")})
    (tmp_path / "temporary").mkdir()
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    made.write("files/etc/motd", "welcome\n")
    return made


def test_what_is_the_same_twice_is_said_in_one_line(desk: Desk, tmp_path: Path) -> None:
    built, digests, same, *others = desk.answer("build", "--check").splitlines()
    assert digests.startswith("  manifest sha256:")
    assert built.startswith(f"demo {HERE}: 3 entries, ")
    assert re.fullmatch(rf"the same twice: sha256:[0-9a-f]{{64}} \(varied: folder,( user,)? {CONDITIONS}\)", same)
    assert [line for line in others if not line.startswith("not varied: user: ")] == []
    assert ("user" in same) == (others == [])
    assert list((tmp_path / "temporary").iterdir()) == []
    again = desk.answer("build", "--check").splitlines()
    assert (", unchanged" in again[0], again[2]) == (True, same)


def test_the_answer_for_a_program_tells_each_condition(desk: Desk) -> None:
    data = json.loads(desk.answer("build", "--check", "--json"))
    assert data["name"] == "demo"
    check = data["check"]
    index = json.loads((desk.folder / "build/demo/oci/index.json").read_text())
    assert (check["same"], check["difference"], check["digest"]) == (True, None, index["manifests"][0]["digest"])
    conditions = {condition.pop("name"): condition for condition in check["conditions"]}
    assert list(conditions) == ["folder", "user", *CONDITIONS.split(", ")]
    assert conditions["folder"]["first"] == str(desk.folder)
    assert all("second" in condition or "why" in condition for condition in conditions.values())
    assert check["taken_from_the_store"] == []


def test_a_difference_is_exit_code_1_with_its_cause_and_a_hint(desk: Desk) -> None:
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{binaries: {paths: [tool]}}]\n")
    desk.write("tool", "").write_bytes(Path(os.path.realpath("/bin/true")).read_bytes())
    (desk.folder / "tool").chmod(0o755)
    answer = desk.call("build", "--check", "--quiet")
    assert answer.code == 1
    assert answer.out.startswith(f"demo {HERE}: ")
    first, *middle, cause, hint = answer.err.splitlines()
    assert first.startswith(f"error: demo is not the same twice: layer 1 of {HERE}: /")
    assert first.endswith(" only")
    assert middle[-1].strip() == "asked for tool  [binaries tool]"
    assert cause.startswith(f"  it is the folder that makes it: {desk.folder} in the one, ")
    assert hint == " hint: give it a place of its own, as FILE:/DEST, or leave it out with trim: or exclude:"
    data = json.loads(desk.call("build", "--check", "--json").out)["check"]
    assert (data["same"], data["difference"]["kind"]) == (False, "entry")
    assert data["difference"]["cause"].startswith("it is the folder that makes it: ")
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{binaries: {paths: ['tool:/usr/bin/tool']}}]\n")
    assert "the same twice" in desk.answer("build", "--check")


def test_what_cannot_be_varied_here_is_said(desk: Desk) -> None:
    pytest.importorskip("isal", reason="isal is not installed")
    desk.write("fromscratch.yaml", "name: demo\ncompression: fast\nrootfs: [{overlay: files}]\n")
    said = desk.answer("build", "--check").splitlines()
    assert said[-1] == "not varied: the model of CPU, on which digests (not diff_ids) of compression: fast depend"


def test_root_who_may_not_become_anybody_is_told_so(desk: Desk) -> None:
    need_root("giving up the right to become another user")
    without = (need("setpriv"), "--bounding-set=-setuid,-setgid", sys.executable, "-m", "fromscratch")
    answer = desk.call("build", "--check", program=without)
    assert answer.code == 0, answer.err
    said = answer.out.splitlines()
    assert said[2].endswith(f"(varied: folder, {CONDITIONS})")
    assert said[3] == (
        "not varied: user: the second build failed: the kernel does not allow it: Operation not permitted"
    )


def test_source_date_epoch_is_of_the_call_and_the_same_in_both(desk: Desk) -> None:
    digests = set()
    for epoch in ("1", "1700000000"):
        desk.variables["SOURCE_DATE_EPOCH"] = epoch
        digests.add(json.loads(desk.answer("build", "--check", "--json"))["check"]["digest"])
    assert len(digests) == 2


def test_a_checkout_has_it_as_an_invoke_task(desk: Desk) -> None:
    answer = desk.call("fetch", "build", "--check", program=invoke_in_checkout())
    assert (answer.code, "the same twice: sha256:" in answer.out) == (0, True), answer.err
