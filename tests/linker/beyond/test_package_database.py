"""What the package manager of a root knows of its packages."""

from fromscratch.linker.beyond.package_database.database import Packages
from fromscratch.paths import TreePath
from tests.linker.beyond.objects import program, system

TWO_ARCHITECTURES = r"""
    f 0644 0:0 /usr/lib/amd64/liba.so.1 ''
    f 0644 0:0 /usr/lib/i386/liba.so.1 ''
    f 0644 0:0 /var/lib/dpkg/info/liba:amd64.list '/.\n/usr/lib/amd64/liba.so.1\n'
    f 0644 0:0 /var/lib/dpkg/info/liba:i386.list '/.\n/usr/lib/i386/liba.so.1\n'
    f 0644 0:0 /var/lib/dpkg/info/tool:amd64.list '/.\n/usr/bin/tool\n'
    f 0644 0:0 /var/lib/dpkg/status 'Package: liba\nArchitecture: amd64\n\nPackage: liba\nArchitecture: i386\n\nPackage: tool\nArchitecture: amd64\nDepends: liba (>= 1)\n\n'
"""  # noqa: E501


def test_a_package_of_several_architectures_is_told_by_its_own() -> None:
    packages = Packages.of(system(TWO_ARCHITECTURES, {"/usr/bin/tool": program("puts")}))
    places = [TreePath(f"/usr/lib/{name}/liba.so.1") for name in ("amd64", "i386")]
    assert packages.owners([*places, TreePath("/usr/bin/tool")]) == {
        places[0]: "liba:amd64",
        places[1]: "liba:i386",
        "/usr/bin/tool": "tool",
    }
    assert packages.files("liba:i386") == ["/usr/lib/i386/liba.so.1"]
    assert packages.related("tool").needed == ("tool", "liba:amd64")


def test_lists_of_dpkg_without_its_status_tell_owners_and_nothing_of_what_belongs_together() -> None:
    block = r"f 0644 0:0 /var/lib/dpkg/info/tool.list '/.\n/usr/bin/tool\n'"
    packages = Packages.of(system(block, {"/usr/bin/tool": program("puts")}))
    assert packages.owners([TreePath("/usr/bin/tool")]) == {"/usr/bin/tool": "tool"}
    assert not packages.known
