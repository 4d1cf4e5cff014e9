"""What an OCI runtime is told: the defaults of the engines, in the words of the runtime specification."""

from typing import Any

import pytest
from msgspec.structs import replace

from fromscratch.formats.glibc.passwd import Identity
from fromscratch.formats.oci_runtime.config import Start, config_json

WEB = Start(
    argv=["/bin/app", "-x"],
    env={"PATH": "/bin", "A": "b=c"},
    cwd="/srv",
    who=Identity(65532, 65533, (7000,), "/srv"),
    hostname="box",
    architecture="amd64",
    terminal=False,
    no_new_privileges=True,
    group="/box",
)


def test_the_process_is_the_images() -> None:
    process = config_json(WEB)["process"]
    assert process["args"] == ["/bin/app", "-x"]
    assert process["env"] == ["PATH=/bin", "A=b=c"]
    assert (process["cwd"], process["terminal"], process["noNewPrivileges"]) == ("/srv", False, True)
    assert process["user"] == {"uid": 65532, "gid": 65533, "additionalGids": [7000]}


@pytest.mark.parametrize(("uid", "count"), [(0, 13), (65532, 0)])
def test_capabilities_are_dockers_less_mknod_and_none_comes_back(uid: int, count: int) -> None:
    sets = config_json(replace(WEB, who=Identity(uid, uid)))["process"]["capabilities"]
    counted = {name: len(names) for name, names in sets.items()}
    assert counted == {"bounding": 13, "effective": count, "permitted": count, "inheritable": 0, "ambient": 0}
    assert "CAP_MKNOD" not in sets["bounding"]


def test_root_gets_a_control_group_and_an_ordinary_user_a_user_namespace() -> None:
    of_root = config_json(WEB)["linux"]
    assert of_root["resources"]["pids"] == {"limit": 2048}
    assert {"type": "user"} not in of_root["namespaces"]
    own = config_json(replace(WEB, who=Identity(0, 0), owner=(1000, 100)))["linux"]
    assert {"type": "user"} in own["namespaces"]
    assert own["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert own["gidMappings"] == [{"containerID": 0, "hostID": 100, "size": 1}]
    assert "resources" not in own


def test_what_of_proc_and_sys_is_shut_and_how_mounts_are() -> None:
    fields = config_json(WEB)
    assert "/proc/kcore" in fields["linux"]["maskedPaths"]
    assert "/proc/sys" in fields["linux"]["readonlyPaths"]
    options: dict[str, Any] = {mount["destination"]: mount["options"] for mount in fields["mounts"]}
    assert all("nosuid" in flags for flags in options.values())
    assert "ro" in options["/sys"]
    assert fields["linux"]["sysctl"] == {"net.ipv4.ip_unprivileged_port_start": "0"}
    assert fields["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"


def test_a_program_that_passes_signals_on_is_process_1() -> None:
    fields = config_json(replace(WEB, init="/usr/bin/tini"))
    assert fields["process"]["args"] == ["/dev/init", "--", "/bin/app", "-x"]
    (mount,) = (mount for mount in fields["mounts"] if mount["destination"] == "/dev/init")
    assert "ro" in mount["options"]
