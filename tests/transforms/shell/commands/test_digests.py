"""md5sum and its kin, and base64: what those of this machine print of the same files."""

import subprocess
from pathlib import Path

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood
from fromscratch.transforms.shell.standard_input import Input

EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
FILES = {
    "empty": b"",
    "text": b"some text\n",
    "with blank": b"\0\xff" * 100,
    "back\\slash": b"x",
    "list": f"{EMPTY}  empty\n{EMPTY} *text\n{EMPTY}  gone\nnonsense\n".encode(),
    "good": f"{EMPTY.upper()}  empty\n".encode(),
    "coded": b"c29tZSB0ZXh0Cg==\n",
    "garbage": b"c29t!ZSB0ZXh0Cg==\n",
}


@pytest.mark.parametrize(
    "words",
    [
        "md5sum empty text",
        "md5sum -b empty gone text",
        "md5sum",
        "md5sum -",
        "sha1sum with\\ blank",
        "sha256sum text -",
        "sha512sum back\\\\slash",
        "md5sum -c list",
        "md5sum --check --status good",
        "md5sum --check --quiet list",
        "md5sum -c --ignore-missing list",
        "md5sum -c text",
        "base64 with\\ blank",
        "base64 -w0 text",
        "base64 --wrap=10 with\\ blank",
        "base64 -d coded",
        "base64 -d garbage",
        "base64 -di garbage",
        "base64",
    ],
)
def test_the_command_answers_as_that_of_this_machine(words: str, tmp_path: Path) -> None:
    call = tuple(
        word.replace("\1", " ").replace("\2", "\\") for word in words.replace("\\\\", "\2").replace("\\ ", "\1").split()
    )
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    expected = subprocess.run(call, cwd=tmp_path, input=b"from stdin", capture_output=True, check=False)
    files = {TreePath(f"/{name}"): File(Meta(0o644), Inline(data)) for name, data in FILES.items()}
    machine = Machine(ChangingTree(Rootfs(files)), label="source", architecture="", packages=())
    result = COMMANDS[call[0]].run(machine, Call(call, stdin=Input(b"from stdin")))
    assert result.status == expected.returncode
    if call[-1] != "garbage" or result.status == 0:  # of what cannot be decoded, the beginning is printed all the same
        assert result.output == expected.stdout


def test_what_is_not_known_is_not_done() -> None:
    machine = Machine(ChangingTree(Rootfs({})), label="source", architecture="", packages=())
    with pytest.raises(NotUnderstood):
        COMMANDS["md5sum"].run(machine, Call(("md5sum", "-z")))
