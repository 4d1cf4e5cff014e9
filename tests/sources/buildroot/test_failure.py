"""A failed build in a few lines. The output is that of real failures, shortened."""

from pathlib import Path

import pytest

from fromscratch.errors import CommandFailed, DownloadError, ImageError, IntegrityError, MissingTool
from fromscratch.sources.buildroot.failure import Attempt, explain, telling

ATTEMPT = Attempt(Path("/w/make-output"), Path("/w/build.log"))


def failure_of(output: str) -> ImageError:
    return explain(output.strip("\n").splitlines(), ATTEMPT)


def test_a_compiler_error_is_shown_with_package_and_step() -> None:
    error = failure_of("""
>>> busybox 1.38.0 Configuring
>>> busybox 1.38.0 Building
  CC      applets/applets.o
gcc: error: unrecognized command-line option '-fno-such-flag'; did you mean '-fno-mudflap'?
make[2]: *** [scripts/Makefile.build:198: applets/applets.o] Error 1
make[1]: *** [Makefile:372: applets_dir] Error 2
make: *** [package/pkg-generic.mk:273: /w/output/build/busybox-1.38.0/.stamp_built] Error 2
""")
    assert isinstance(error, CommandFailed)
    assert error.message == (
        "Buildroot failed to build busybox-1.38.0:\n"
        "  gcc: error: unrecognized command-line option '-fno-such-flag'; did you mean '-fno-mudflap'?"
    )
    assert error.hint == (
        "try that package alone with: /w/make-output busybox-rebuild; the whole output is in /w/build.log"
    )


def test_a_missing_source_is_told_apart() -> None:
    error = failure_of("""
>>> busybox 1.38.0 Downloading
cp -v '/m/busybox/busybox-1.38.0.tar.bz2' '/w/output/build/.busybox/output'
cp: cannot stat '/m/busybox/busybox-1.38.0.tar.bz2': No such file or directory
make: *** [package/pkg-generic.mk:179: /w/output/build/busybox-1.38.0/.stamp_downloaded] Error 1
""")
    assert isinstance(error, DownloadError)
    assert error.message == (
        "the source of busybox-1.38.0 could not be had:\n"
        "  cp: cannot stat '/m/busybox/busybox-1.38.0.tar.bz2': No such file or directory"
    )
    assert "put it into the folder busybox" in error.hint


@pytest.mark.parametrize(
    "tries",
    [
        """
cp: cannot stat '/m/linux/linux-6.18.tar.xz': No such file or directory
cp: cannot stat '/m/linux-6.18.tar.xz': No such file or directory
""",
        """
--2026-05-01 10:00:00--  http://m.example.org/linux/linux-6.18.tar.xz
2026-05-01 10:00:00 ERROR 404: Not Found.
--2026-05-01 10:00:01--  http://m.example.org/linux-6.18.tar.xz
2026-05-01 10:00:01 ERROR 404: Not Found.
""",
    ],
)
def test_the_folder_of_a_missing_source_is_that_which_was_tried(tries: str) -> None:
    error = failure_of(f"""
>>> linux-headers 6.18 Downloading{tries}make: *** [x.mk:9: /b/build/linux-headers-6.18/.stamp_downloaded] Error 1
""")
    assert error.message.startswith("the source of linux-headers-6.18 could not be had")
    assert "put it into the folder linux of the mirror" in error.hint


def test_a_very_long_line_is_cut_in_its_middle() -> None:
    error = failure_of(f"""
>>> mine 1.0 Building
ld: cannot find -lfoo {"/an/object.o " * 2000}as the call says
make: *** [package/pkg-generic.mk:273: /w/output/build/mine-1.0/.stamp_built] Error 2
""")
    [line] = error.message.splitlines()[1:]
    assert line.startswith("  ld: cannot find -lfoo /an/object.o")
    assert line.endswith("as the call says")
    assert len(line) < 500


def test_all_missing_sources_are_named() -> None:
    error = failure_of("""
>>> host-tar 1.35 Downloading
wget: unable to resolve host address 'a.example.org'
wget: unable to resolve host address 'a.example.org'
make: *** [package/pkg-generic.mk:179: /w/output/build/host-tar-1.35/.stamp_downloaded] Error 1
>>> busybox 1.38.0 Downloading
wget: unable to resolve host address 'b.example.org'
make: *** [package/pkg-generic.mk:179: /w/output/build/busybox-1.38.0/.stamp_downloaded] Error 1
make: Target 'source' not remade because of errors.
""")
    assert error.message.splitlines() == [
        "the source of host-tar-1.35 could not be had:",
        "  wget: unable to resolve host address 'a.example.org'",
        "and no better for busybox-1.38.0",
    ]
    assert "into the folder tar of the mirror" in error.hint


def test_a_wrong_hash_names_both() -> None:
    error = failure_of("""
>>> busybox 1.38.0 Downloading
ERROR: while checking hashes from package/busybox/busybox.hash
ERROR: busybox-1.38.0.tar.bz2 has wrong sha256 hash:
ERROR: expected: 34f9ea6f
ERROR: got     : 1d7a363c
ERROR: Incomplete download, or man-in-the-middle (MITM) attack
make: *** [package/pkg-generic.mk:179: /w/output/build/busybox-1.38.0/.stamp_downloaded] Error 1
""")
    assert isinstance(error, IntegrityError)
    assert error.message == (
        "busybox-1.38.0.tar.bz2 of busybox-1.38.0 has the sha256 1d7a363c, but Buildroot expects 34f9ea6f"
    )


def test_a_file_without_a_hash() -> None:
    error = failure_of("""
>>> mine 1.0 Downloading
ERROR: No hash found for mine-1.0.tar.gz
make: *** [package/pkg-generic.mk:179: /w/output/build/mine-1.0/.stamp_downloaded] Error 1
""")
    assert isinstance(error, IntegrityError)
    assert error.message == "Buildroot has no hash for mine-1.0.tar.gz of mine-1.0"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("cp: error writing 'x': No space left on device", "the disk is full"),
        ("gcc: fatal error: Killed signal terminated program cc1", "memory may have run out"),
    ],
)
def test_a_failure_of_the_machine_gets_its_own_advice(line: str, hint: str) -> None:
    error = failure_of(f">>> jq 1.8 Building\n{line}\nmake: *** [/w/output/build/jq-1.8/.stamp_built] Error 1")
    assert error.hint.startswith(hint)


def test_missing_programs_are_named_at_once() -> None:
    error = failure_of(
        "You must install 'bc' on your build machine\nYou must install 'cpio' on your build machine\nmake: ***"
    )
    assert isinstance(error, MissingTool)
    assert "bc, cpio" in error.message


def test_a_stop_of_make_itself() -> None:
    error = failure_of("package/x/x.mk:12: *** X_SITE is not set.  Stop.")
    assert error.message == "Buildroot stopped: X_SITE is not set (package/x/x.mk:12)"


def test_a_failure_outside_of_packages_names_what_was_done() -> None:
    error = failure_of("""
>>>   Generating filesystem image rootfs.tar
tar: /w/output/target: Cannot open: No such file or directory
make: *** [fs/tar/tar.mk:20: rootfs-tar] Error 2
""")
    assert error.message.splitlines() == [
        "Buildroot failed while generating filesystem image rootfs.tar at rootfs-tar:",
        "  tar: /w/output/target: Cannot open: No such file or directory",
    ]


def test_silence_shows_the_last_lines() -> None:
    assert telling([f"line {number}" for number in range(30)]) == [f"line {number}" for number in range(18, 30)]


def test_never_more_than_a_dozen() -> None:
    assert len(telling([f"x.c:{number}: error: no" for number in range(100)])) == 12
