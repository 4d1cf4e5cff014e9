"""Name services: the configuration that an image gets, and the modules that it names."""

from functools import partial
from pathlib import Path

import pytest

from fromscratch.linker.beyond.contract import GeneratedFile, NeededFile, Scene
from fromscratch.linker.beyond.glibc import nss
from tests.engines import missing
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import LIBC, libc, program, system
from tests.linker.beyond.roots import Root, compiled
from tests.linker.beyond.scenes import listing, paths_needed
from tests.trees import text

ETC = r"""
    f 0644 0:0 /etc/nsswitch.conf 'passwd: files sss\nhosts: files resolve [!UNAVAIL=return] dns\nservices: db files\n'
    f 0644 0:0 /etc/services 'ssh 22/tcp\n'
    f 0644 0:0 /etc/protocols 'tcp 6 TCP\n'
"""


def using(*functions: str, version: int = 36, held: tuple[str, ...] = ()) -> Scene:
    return system(ETC, {LIBC: libc(version), "/usr/bin/it": program(*functions)}, *held)


def test_who_asks_for_no_name_gets_nothing() -> None:
    assert not list(nss.find(using("getpid", "setlocale")))
    musl = {"/lib/ld-musl-x86_64.so.1": elf(soname="libc.musl-x86_64.so.1"), "/usr/bin/it": program("getpwnam")}
    assert not list(nss.find(system(ETC, musl)))


def test_who_asks_for_names_gets_a_small_configuration() -> None:
    (made,) = nss.find(using("getpwnam"))
    assert isinstance(made, GeneratedFile)
    assert (made.path, made.detail) == ("/etc/nsswitch.conf", "for /usr/bin/it, which asks for names")
    assert (
        made.data.decode()
        == text("""
        passwd:         files
        group:          files
        shadow:         files
        gshadow:        files
        hosts:          files dns
        networks:       files
        services:       files
        protocols:      files
        ethers:         files
        rpc:            files
    """)
        + "\n"
    )


def test_modules_stand_for_the_databases_that_they_can_answer_for() -> None:
    made, *wants = nss.find(using("getpwnam", "getaddrinfo"), modules=("files", "sss", "myhostname", "dns"))
    assert isinstance(made, GeneratedFile)
    lines = dict(line.split(":") for line in made.data.decode().splitlines())
    assert {key: lines[key].split() for key in ("passwd", "hosts", "services")} == {
        "passwd": ["files", "sss"],
        "hosts": ["files", "myhostname", "dns"],
        "services": ["files"],
    }
    assert [line.partition(" (")[2] for line in listing(wants).splitlines()] == [
        "/etc/nsswitch.conf names sss for passwd, which /usr/bin/it asks for)",
        "/etc/nsswitch.conf names myhostname for hosts, which /usr/bin/it asks for)",
    ]
    assert paths_needed(wants) == ["libnss_sss.so.2", "libnss_myhostname.so.2"]
    assert all(
        isinstance(want, NeededFile) and want.by == LIBC and want.library and not want.optional for want in wants
    )


@pytest.mark.parametrize(
    ("functions", "names"),
    [
        (("getpwuid",), ["/etc/nsswitch.conf", "libnss_sss.so.2"]),
        (("getaddrinfo",), ["/etc/nsswitch.conf", "libnss_resolve.so.2", "libnss_db.so.2"]),
        (("getgrnam",), ["/etc/nsswitch.conf"]),
        (("getservbyname",), ["/etc/nsswitch.conf", "libnss_db.so.2", "/etc/services"]),
    ],
)
def test_the_configuration_of_the_root_is_followed_when_asked_for(functions: tuple[str, ...], names: list[str]) -> None:
    found = list(nss.find(using(*functions), configuration="tree"))
    assert paths_needed(found) == names
    assert all(isinstance(each, NeededFile) and each.optional for each in found)


def test_the_configuration_of_the_image_holds_before_ours() -> None:
    held = using("getpwuid", held=("/etc/nsswitch.conf",))
    assert paths_needed(nss.find(held)) == ["/etc/nsswitch.conf", "libnss_sss.so.2"]


def test_files_and_dns_were_modules_before_glibc_2_34() -> None:
    assert paths_needed(nss.find(using("getpwuid", "gethostbyname", version=33))) == [
        "libnss_files.so.2",
        "libnss_dns.so.2",
    ]
    assert paths_needed(nss.find(using("getpwuid", "gethostbyname", version=34))) == []


def test_tables_are_for_those_who_ask_for_them_by_name() -> None:
    assert paths_needed(nss.find(using("getaddrinfo"))) == []
    assert paths_needed(nss.find(using("getservbyname", "getprotobyname_r"))) == ["/etc/services", "/etc/protocols"]
    assert paths_needed(nss.find(using("getservbyname"), tables=False)) == []


LOOKUP = """
    #include <netdb.h>
    #include <pwd.h>
    #include <stdio.h>
    int main(int count, char **words) {
        struct passwd *user = getpwnam("root");
        struct servent *service = getservbyname("https", "tcp");
        struct hostent *host = gethostbyname("here.example");
        struct passwd *made = getpwnam("nobody");
        printf("%s %s %s %d\\n", user ? user->pw_dir : "-", service ? "service" : "-", host ? "host" : "-",
               made ? (int) made->pw_uid : -1);
        return 0;
    }
"""


@pytest.mark.slow
def test_names_are_found_in_an_image(tmp_path: Path) -> None:
    files = {"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/hosts": "127.0.0.1 here.example\n"}
    root = Root(tmp_path, compiled(tmp_path, LOOKUP), files)
    assert root.run().stdout == "/root - host -1\n"
    assert root.run(nss.find).stdout == "/root service host -1\n"


@pytest.mark.slow
def test_a_module_answers_in_an_image(tmp_path: Path) -> None:
    """systemd's module knows nobody and root by itself, without any file."""
    if not Path("/usr/lib/x86_64-linux-gnu/libnss_systemd.so.2").exists():
        missing("libnss_systemd.so.2 is not on this machine")
    root = Root(tmp_path, compiled(tmp_path, LOOKUP))
    assert root.run(nss.find).stdout == "- service - -1\n"
    systemd = partial(nss.find, modules=("files", "systemd"))
    assert root.run(systemd).stdout.startswith("/")
    assert root.run(systemd).stdout.endswith(" service - 65534\n")
