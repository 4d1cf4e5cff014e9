"""File capabilities: the same attribute as setcap writes, and what cannot be one."""

import os
import subprocess
from pathlib import Path

import pytest

from fromscratch.formats import capabilities
from tests.engines import need, need_root

TEXTS = (
    "cap_net_bind_service=ep",
    "cap_net_bind_service+ep",
    "cap_net_raw,cap_net_admin=ep",
    "CAP_CHOWN=p",
    "cap_setuid=ei cap_setuid+p",
    "all=ep",
    "=p cap_sys_admin-p",
    "cap_perfmon,cap_bpf,cap_checkpoint_restore+eip",
    "cap_chown=ep cap_chown-e",
)


def test_the_attribute_is_the_structure_of_the_kernel_in_revision_2() -> None:
    assert capabilities.from_text("cap_net_bind_service=ep").hex() == "0100000200040000000000000000000000000000"
    assert capabilities.from_text("cap_bpf=p").hex() == "0000000200000000000000008000000000000000"


@pytest.mark.parametrize("text", TEXTS)
def test_setcap_writes_the_same(text: str, tmp_path: Path) -> None:
    need("setcap")
    need_root("setcap needs CAP_SETFCAP")
    program = tmp_path / "program"
    program.write_bytes(b"")
    subprocess.run(["setcap", text, str(program)], check=True)
    assert os.getxattr(program, capabilities.ATTRIBUTE) == capabilities.from_text(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cap_net_bnd_service=ep", "is not a capability; did you mean cap_net_bind_service?"),
        ("cap_chown", "does not say what is granted; write cap_chown=ep"),
        ("cap_chown=x", "is not understood; write = + or - and flags out of e, i and p"),
        ("cap_chown=", "grants nothing"),
        ("cap_chown+ep cap_kill+p", "one effective flag for all"),
        ("", "no capability is named"),
    ],
)
def test_text_that_is_not_a_set_of_capabilities_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        capabilities.from_text(text)
    assert fault in str(caught.value)
