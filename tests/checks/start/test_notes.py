"""Notes on what something in the closure asks for and the image lacks: each with its text, and without a cause none."""

from typing import Any

import pytest

from fromscratch.model.image import RunConfig
from tests.checks.start.images import Files, findings, image, said
from tests.formats.elf.made import elf
from tests.sysroots import MULTIARCH, library, program

X = ("/x",)
VERSION_IN_DATA = b"\0GLIBC_2.31\0"
OLD_LIBC = library("libc.so.6", provides_versions=["GLIBC_2.2.5"], data=VERSION_IN_DATA)
LIBSSL: Files = {f"{MULTIARCH}/libssl.so.3": library("libssl.so.3")}
CLIENT: Files = {**LIBSSL, "/x": program("libssl.so.3", imports=["SSL_CTX_set_default_verify_paths"])}
CASES: list[tuple[str, Files, dict[str, Any], str]] = [
    (
        "system(3) without a shell",
        {"/x": program(imports=["system"]), "/usr/bin/sh": None},
        {},
        "note: /x calls system, which runs /bin/sh, and that is not in the image -> "
        "add a shell under rootfs:, such as busybox or dash, unless that use of it is never made",
    ),
    (
        "popen(3) of a library of the program",
        {"/x": program("libx.so"), f"{MULTIARCH}/libx.so": library("libx.so", imports=["popen"]), "/usr/bin/sh": None},
        {},
        "note: /lib/x86_64-linux-gnu/libx.so calls popen, which runs /bin/sh, and that is not in the image -> "
        "add a shell under rootfs:, such as busybox or dash, unless that use of it is never made",
    ),
    (
        "accounts without /etc/passwd",
        {"/x": program(imports=["getpwnam"]), "/etc/passwd": None},
        {},
        "note: /x calls getpwnam, and the image has no /etc/passwd -> "
        "accounts: {} writes one with root, users: adds others",
    ),
    (
        "a number without a name",
        {"/x": program(imports=["getpwuid"])},
        {"user": "65532"},
        "note: /x asks for the name of its user, and /etc/passwd has none for 65532 -> add it with accounts: users:",
    ),
    (
        "temporary files without /tmp",
        {"/x": program(imports=["mkstemp"], data=b"\0/tmp/x.XXXXXX\0"), "/tmp": None},
        {},
        "note: /x calls mkstemp and names /tmp, and the image has none -> "
        "bring a folder /tmp with the mode 1777, as by an overlay with modes:",
    ),
    (
        "certificates for a client",
        CLIENT,
        {},
        "note: /x trusts the system's certificates in TLS connections, and the image has none -> "
        "add ca-certificates under rootfs:, or the file /etc/ssl/certs/ca-certificates.crt",
    ),
    (
        "certificates for libcurl",
        {"/x": program("libcurl.so.4"), f"{MULTIARCH}/libcurl.so.4": library("libcurl.so.4")},
        {},
        "note: /lib/x86_64-linux-gnu/libcurl.so.4 trusts the system's certificates in TLS connections, and the image "
        "has none -> add ca-certificates under rootfs:, or the file /etc/ssl/certs/ca-certificates.crt",
    ),
    (
        "certificates for a static program in Go",
        {"/x": elf(type="exec", data=b"\0/etc/ssl/certs/ca-certificates.crt/etc/ssl/cert.pem")},
        {},
        "note: /x trusts the system's certificates in TLS connections, and the image has none -> "
        "add ca-certificates under rootfs:, or the file /etc/ssl/certs/ca-certificates.crt",
    ),
    (
        "a locale that the variables name",
        {"/x": program(imports=["setlocale"])},
        {"env": {"LANG": "C.UTF-8"}},
        "note: image.env: LANG is 'C.UTF-8', and the image has no such locale in /usr/lib/locale, which /x asks for -> "
        "add the locale (package libc-bin for C.UTF-8, locales-all for others), or take the variable out",
    ),
    (
        "a time zone",
        {"/x": program(imports=["localtime_r"])},
        {"env": {"TZ": "Europe/Berlin"}},
        "note: image.env: TZ is 'Europe/Berlin', and the image has no /usr/share/zoneinfo/Europe/Berlin: "
        "/x uses UTC instead -> add tzdata under rootfs:, or take the variable out",
    ),
    (
        "name services of an old GLIBC",
        {"/x": program(imports=["getpwnam"]), f"{MULTIARCH}/libc.so.6": OLD_LIBC},
        {},
        "note: /x calls getpwnam, for which GLIBC 2.31 loads libnss_files.so.2: the image has none -> "
        "add libnss_files.so.2 under rootfs:, of the same GLIBC",
    ),
    (
        "words that no shell looks at",
        {},
        {"cmd": ("/bin/sh", "-c", "webd", "-f")},
        "note: image.cmd: of 'webd -f' the shell runs 'webd' alone -> "
        "the text behind -c is one word: write all of it there",
    ),
    (
        "a shell without a text",
        {},
        {"entrypoint": ("/bin/sh", "-c"), "cmd": ()},
        "note: image.entrypoint: /bin/sh -c lacks the text that it is to run -> "
        "write the text under image: cmd:, or leave it to whoever starts a container",
    ),
    (
        "a program that a shell is to run",
        {},
        {"cmd": ("/bin/sh", "-c", "exec wedb -f"), "env": {"PATH": "/bin:/usr/sbin"}},
        "note: image.cmd: the shell is to run 'exec wedb', and there is no program 'wedb' in PATH (/bin:/usr/sbin) -> "
        "did you mean /usr/sbin/webd?",
    ),
    (
        "a script that ends in a program",
        {"/x": b"#!/bin/sh\nset -e\nexec wedb -f\n"},
        {"env": {"PATH": "/bin:/usr/sbin"}},
        "note: image.cmd: /x has the line 'exec wedb', and there is no program 'wedb' in PATH (/bin:/usr/sbin) -> "
        "did you mean /usr/sbin/webd?",
    ),
    (
        "a script that starts its words",
        {"/x": b'#!/bin/sh\nexec "$@"\n'},
        {"entrypoint": X, "cmd": ("wedb",), "env": {"PATH": "/bin:/usr/sbin"}},
        "note: image.entrypoint: /x starts its first argument, and there is no program 'wedb' in "
        "PATH (/bin:/usr/sbin) -> did you mean /usr/sbin/webd?",
    ),
]


@pytest.mark.parametrize(("files", "config", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_asked_for_and_missing(files: Files, config: dict[str, Any], expected: str) -> None:
    assert said(findings(image(files), RunConfig(**{"cmd": X, **config}))) == [expected]


@pytest.mark.parametrize(
    ("files", "config"),
    [
        ({"/x": program(), "/usr/bin/sh": None, "/etc/passwd": None, "/tmp": None}, {"user": "7"}),
        (
            {"/x": program("a.so"), f"{MULTIARCH}/a.so": library("a.so", imports=["system"]), "/usr/bin/sh": None},
            {},
        ),
        ({"/usr/bin/python3": program(imports=["system"]), "/usr/bin/sh": None}, {"cmd": ("python3",)}),
        ({"/x": program(imports=["getpwnam"])}, {"user": "65532"}),
        ({"/x": program(imports=["mkstemp"]), "/tmp": None}, {}),
        (
            {
                **LIBSSL,
                "/x": program("libssl.so.3", imports=["SSL_CTX_set_default_verify_paths"]),
                "/etc/ssl/cert.pem": b"x",
            },
            {},
        ),
        ({**LIBSSL, "/x": program("libssl.so.3", imports=["SSL_new"])}, {}),
        ({**LIBSSL, "/x": program("libssl.so.3", imports=["SSL_CTX_set_default_verify_paths", "listen"])}, {}),
        (
            CLIENT,
            {"env": {"SSL_CERT_FILE": "/ca"}},
        ),
        ({"/x": program(imports=["setlocale"]), "/usr/lib/locale/C.utf8/LC_CTYPE": b""}, {"env": {"LANG": "C.UTF-8"}}),
        ({"/x": program(imports=["puts"])}, {"env": {"LANG": "de_DE.UTF-8", "TZ": "Europe/Berlin"}}),
        ({"/x": program(imports=["tzset"])}, {"env": {"TZ": "UTC"}}),
        ({"/x": program(imports=["tzset"])}, {"env": {"TZ": "CET-1CEST"}}),
        ({"/x": program(imports=["tzset"]), "/usr/share/zoneinfo/Asia/Tokyo": b"T"}, {"env": {"TZ": "Asia/Tokyo"}}),
    ],
)
def test_what_nothing_asks_for_or_what_is_there(files: Files, config: dict[str, Any]) -> None:
    assert said(findings(image(files), RunConfig(**{"cmd": X, **config}))) == []
