"""Images that start: the start check has nothing to say of them, whatever they are made of."""

from typing import Any

import pytest

from fromscratch.model.image import Healthcheck, Platform, RunConfig
from tests.checks.start.images import Files, findings, image, said
from tests.formats.elf.made import AARCH64, I386, elf
from tests.sysroots import LOADER, MULTIARCH, library, program

MUSL_LOADER = "/lib/ld-musl-aarch64.so.1"
ARM64 = Platform.parse("linux/arm64")
PIE = 0x08000000
OWN = library("libown.so")
WEAK = program(needs_versions={"libc.so.6": ["GLIBC_2.34", "GLIBC_9"]}, weak_versions=["GLIBC_9"])
SETS_ITS_WORDS = b'#!/bin/sh\nif [ "${1#-}" != "$1" ]; then\n set -- webd "$@"\nfi\nexec "$@"\n'
BUSYBOX: Files = {"/usr/bin/busybox": program(data=b"\0cat\0ls\0sh\0"), "/usr/bin/sh": "-> busybox"}


@pytest.mark.parametrize(
    ("files", "config"),
    [
        ({}, {}),
        ({}, {"cmd": ("/usr/sbin/webd", "-f")}),
        ({}, {"entrypoint": ("webd",), "cmd": ("-f",), "user": "app:web", "working_dir": "/srv", "volumes": ("/srv",)}),
        ({}, {"cmd": ("start",), "working_dir": "/not/there"}),
        ({"/app/run": program()}, {"cmd": ("./run",), "working_dir": "/app"}),
        ({"/app/run": program()}, {"cmd": ("run",), "env": {"PATH": "/bin::/app"}}),
        ({}, {"cmd": ("../bin/sh",), "working_dir": "/usr/sbin"}),
        ({"/x": "-> usr/bin/../sbin/webd"}, {"cmd": ("/x",)}),
        ({"/x": b"#!/usr/bin/env -S sh -e\n"}, {"cmd": ("/x",)}),
        ({"/x": b"#!/y arg\n", "/y": b"#! /bin/sh\n"}, {"cmd": ("/x",)}),
        ({"/x": b"#!bin/sh\n"}, {"cmd": ("/x",)}),
        ({"/x": elf(type="exec")}, {"cmd": ("/x",)}),
        ({"/x": elf(flags_1=PIE)}, {"cmd": ("/x",)}),
        ({"/x": elf(type="exec", bits=32, machine=I386)}, {"cmd": ("/x",)}),
        ({"/app/libown.so": OWN, "/app/x": program("libown.so", runpath="$ORIGIN")}, {"cmd": ("/app/x",)}),
        ({"/a/libown.so": OWN, "/x": program("libown.so")}, {"cmd": ("/x",), "env": {"LD_LIBRARY_PATH": "/b:/a"}}),
        ({"/x": WEAK}, {"cmd": ("/x",)}),
        ({}, {"cmd": (LOADER, "/usr/sbin/webd")}),
        ({}, {"cmd": ("/bin/sh", "-c", "exec webd -f")}),
        ({}, {"cmd": ("/bin/sh", "-ec", "if true; then gone; fi")}),
        ({}, {"cmd": ("/bin/sh", "-c", 'exec "$0" "$@"', "webd", "-f")}),
        ({}, {"cmd": ("/bin/sh", "-c", "gone || webd")}),
        ({}, {"cmd": ("/bin/sh",), "healthcheck": Healthcheck(test=("CMD-SHELL", "webd --check || exit 1"))}),
        ({}, {"cmd": ("/bin/sh",), "healthcheck": Healthcheck(test=("NONE",))}),
        ({"/e": b'#!/bin/sh\nset -e\nexec "$@"\n'}, {"entrypoint": ("/e",), "cmd": ("webd",)}),
        ({"/e": SETS_ITS_WORDS}, {"entrypoint": ("/e",), "cmd": ("-f",)}),
        (BUSYBOX, {"cmd": ("sh", "-c", "exec gone")}),
        ({"/data/.keep": b""}, {"cmd": ("webd",), "volumes": ("/data",), "user": "0:33"}),
    ],
)  # fmt: skip
def test_it_starts(files: Files, config: dict[str, Any]) -> None:
    assert said(findings(image(files), RunConfig(**config))) == []


def test_musl_and_another_architecture() -> None:
    base: Files = {
        MUSL_LOADER: library("libc.musl-aarch64.so.1", machine=AARCH64),
        "/lib/libc.musl-aarch64.so.1": "-> ld-musl-aarch64.so.1",
        "/lib/libz.so.1": library("libz.so.1", "libc.musl-aarch64.so.1", machine=AARCH64),
        "/bin/app": elf(
            machine=AARCH64, interpreter=MUSL_LOADER, needed=["libz.so.1", "libc.musl-aarch64.so.1"], imports=["puts"]
        ),
    }
    config = RunConfig(cmd=("app",), user="65532:65532")
    assert said(findings(image(base=base), config, ARM64)) == []
    assert said(findings(image({"/lib/libz.so.1": None}, base=base), config, ARM64)) == [
        "error: image.cmd: libz.so.1, needed by /bin/app, is not in the image -> "
        "add the package or file that has it under rootfs:"
    ]


def test_only_the_closure_is_read() -> None:
    junk = {f"/usr/share/junk/{number}": b"\x7fELF" for number in range(50)}
    tree = image({**junk, f"{MULTIARCH}/libjunk.so": b"\x7fELFcut"})
    assert findings(tree, RunConfig(cmd=("webd",))) == []
