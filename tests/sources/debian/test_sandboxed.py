"""Scripts of packages that dpkg runs: in which steps, what of the result gets into the image, and what is refused."""

from collections.abc import Callable

import msgspec
import pytest

from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.sandboxed.difference import changes, gone, with_changes
from fromscratch.sources.debian.sandboxed.stages import Stages, stages
from fromscratch.sources.debian.source import DebianSource
from tests.sources.debian.mirror import Mirror, package
from tests.sources.debian.test_debian import debian, mirror, store
from tests.trees import listed, text, tree

__all__ = ["debian", "mirror", "store"]
Debian = Callable[..., DebianSource]

SHIPPED = Origin("debian", "shipped in", "server 1")
MADE = Origin("debian", "made by", "the scripts of server, run in a sandbox")


def test_what_dpkg_needs_comes_first_and_the_rest_in_the_order_of_pre_dependencies() -> None:
    stanzas = {
        "dpkg": {"pre-depends": "libc6"},
        "libc6": {},
        "mawk": {"provides": "awk"},
        "base-files": {"pre-depends": "awk"},
        "server": {"depends": "runtime, libc6", "pre-depends": "minimal"},
        "runtime": {"depends": "minimal"},
        "minimal": {"pre-depends": "core"},
        "core": {},
        "beside": {},
    }
    planned = {"server", "runtime", "minimal", "core", "libc6"}
    assert stages(stanzas, ["dpkg", "base-files"], planned) == Stages(
        base=("base-files", "beside", "dpkg", "libc6", "mawk"), groups=(("core",), ("minimal", "runtime"), ("server",))
    )


def test_a_circle_of_pre_dependencies_ends() -> None:
    found = stages({"a": {"pre-depends": "b"}, "b": {"pre-depends": "a"}}, [], ["a", "b"])
    assert sorted(name for group in found.groups for name in group) == ["a", "b"]


BEFORE = tree(
    """
    f 0644 0:0 /etc/passwd 'root'
    f 0644 0:0 /etc/shells 'sh'
    f 0755 0:0 /usr/bin/which 'which'
    """
)
AFTER = tree(
    """
    f 0600 0:0 /etc/ssh/ssh_host_rsa_key 'secret'
    f 0644 0:0 /etc/passwd 'root server'
    f 0644 0:0 /etc/shells 'sh'
    f 0644 0:0 /usr/lib/python3/__pycache__/a.pyc 'code'
    f 0644 0:0 /var/lib/dpkg/status 'records'
    d 0750 7:7 /var/lib/server
    d 0755 0:0 /var/log/server
    f 0644 0:0 /var/log/server/log 'text'
    """
)


def test_changes_are_what_is_new_or_other_and_of_no_single_machine() -> None:
    assert listed(changes(BEFORE, AFTER, (1, 2))) == text(
        """
        d 0755 0:0 /etc
        f 0644 0:0 11 /etc/passwd
        d 0755 0:0 /etc/ssh
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/python3
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        d 0750 7:7 /var/lib/server
        d 0755 0:0 /var/log
        d 0755 0:0 /var/log/server
        """
    )
    assert gone(BEFORE, AFTER) == ["/usr/bin", "/usr/bin/which"]


def test_the_image_gets_changes_with_their_reason_and_loses_what_scripts_removed() -> None:
    laid = tree(
        """
        f 0644 0:0 /etc/server.conf 'port 1'
        f 0644 0:0 /etc/server.sample 'port'
        f 0755 0:0 /usr/bin/server 'server'
        """
    ).mapped(lambda _, entry: msgspec.structs.replace(entry, origins=(SHIPPED,)))
    changed = tree(
        """
        f 0644 0:0 /etc/server.conf 'port 6379'
        f 0755 0:0 /usr/bin/server 'server'
        d 0750 7:7 /var/lib/server
        """
    )
    found = with_changes(laid, changed, [], {"server 1"}, MADE)
    assert {path: found[TreePath(path)].origins for path in ("/etc/server.conf", "/usr/bin/server")} == {
        "/etc/server.conf": (SHIPPED, MADE),
        "/usr/bin/server": (SHIPPED,),
    }
    assert found[TreePath("/var/lib/server")].origins == (MADE,)
    assert TreePath("/etc/server.sample") not in found
    assert TreePath("/usr/bin/server") not in with_changes(laid, Rootfs(), [TreePath("/usr/bin")], (), MADE)


def test_only_whole_packages_can_be_configured() -> None:
    with pytest.raises(msgspec.ValidationError, match="scripts: sandbox runs those of whole packages"):
        msgspec.convert({"suite": "trixie", "slices": ["./a"], "scripts": "sandbox"}, DebianOptions)


def test_fetch_plans_what_scripts_need_beside_what_the_image_has(debian: Debian, mirror: Mirror, store: Store) -> None:
    dash = package("dash", {"usr/bin/dash@755": b"dash"}, essential="yes")
    mirror.publish(package("server", {"usr/bin/server@755": b"server"}), dash)
    source = debian(packages=["server"], scripts="sandbox", essential="none", exclude=["dash"])
    source.fetch(store)
    plan = source.plan(store)
    assert [one.name for one in plan.packages] == ["server"]
    assert [one.name for one in plan.tools] == ["dash"]
    assert "dash" in {pin.name for pin in source.pins(store)}
