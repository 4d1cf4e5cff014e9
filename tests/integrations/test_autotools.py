"""`make container` of an Autotools project: the four commands, the same bytes anywhere, VPATH builds and distcheck."""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from fromscratch.host.machine.package_data import shipped
from tests.engines import docker, need, podman
from tests.integrations.workshop import EXAMPLES, Workshop, index, need_all, workshop

__all__ = ["docker", "podman"]
pytestmark = pytest.mark.slow

EXAMPLE = "hello-autotools"
# What hellocontainer came to with its own Makefile: its layer in bytes, and its whole layout in kilobytes of `du -k`.
LAYER, LAYOUT = 297_657, 316


@pytest.fixture(autouse=True)
def _programs() -> None:
    need_all("autoreconf", "automake", "gcc", "make")


def made(folder: Path, *options: str) -> Workshop:
    """The project after the four commands."""
    shop = workshop(folder, EXAMPLE)
    shop.make("./bootstrap")
    shop.make("./configure", *options)
    shop.make("make")
    shop.make("make", "container")
    return shop


def test_the_files_to_copy_are_those_of_the_example() -> None:
    for name, there in (("fromscratch.m4", "fromscratch.m4"), ("container.am", "container.am")):
        assert (EXAMPLES / EXAMPLE / there).read_bytes() == (shipped("integrations") / "autotools" / name).read_bytes()


def test_four_commands_give_an_image_that_starts(tmp_path: Path) -> None:
    shop = made(tmp_path)
    assert shop.files("oci:hellocontainer") == ["/etc/group", "/etc/passwd", "/usr/local/bin/hellocontainer"]
    assert shop.run("oci:hellocontainer") == "Hello container!\n"
    config = index(shop.folder / "hellocontainer")["config"]["digest"].replace(":", "/")
    facts = json.loads((shop.folder / "hellocontainer/blobs" / config).read_text())
    assert facts["config"]["Entrypoint"] == ["/usr/local/bin/hellocontainer"]
    shop.make("make", "container")
    assert index(shop.folder / "hellocontainer")["config"]["digest"].replace(":", "/") == config


def test_it_is_no_larger_than_with_the_makefile_that_it_replaces(tmp_path: Path) -> None:
    shop = made(tmp_path)
    layers = index(shop.folder / "hellocontainer")["layers"]
    assert [layer["size"] <= LAYER for layer in layers] == [True], layers
    kilobytes = int(shop.make("du", "-ks", "hellocontainer").split()[0])
    assert kilobytes < LAYOUT


def test_podman_runs_the_folder_as_it_is(tmp_path: Path, podman: Engine) -> None:
    shop = made(tmp_path)
    answer = podman.call("run", "--rm", *podman.run_flags, f"oci:{shop.folder}/hellocontainer")
    assert answer.stdout.decode() == "Hello container!\n"


def test_docker_runs_what_skopeo_copies_into_it(tmp_path: Path, docker: Engine) -> None:
    need("skopeo")
    shop = made(tmp_path)
    archive = f"docker-archive:{tmp_path}/hello.tar:hellocontainer:1.0"
    shop.make("skopeo", "--insecure-policy", "copy", "oci:hellocontainer", archive)
    docker.call("load", "--input", f"{tmp_path}/hello.tar")
    answer = docker.call("run", "--rm", *docker.run_flags, "hellocontainer:1.0")
    assert answer.stdout.decode() == "Hello container!\n"


def test_make_container_can_load_it_into_an_engine(tmp_path: Path, docker: Engine) -> None:
    shop = workshop(tmp_path, EXAMPLE, DOCKER_HOST=docker.program[-1])
    shop.make("./bootstrap")
    shop.make("./configure", "--with-container-name=greeter", "CONTAINER_FLAGS=--tag greeter:2 --user 7")
    shop.make("make", "container", "CONTAINER_COMPRESSION=smallest")
    assert (shop.folder / "greeter/oci-layout").exists()
    answer = docker.call("run", "--rm", *docker.run_flags, "greeter:2")
    assert answer.stdout.decode() == "Hello container!\n"


def test_two_folders_and_times_give_the_same_ids(tmp_path: Path) -> None:
    one = made(tmp_path / "one")
    another = made(tmp_path / "another" / "much" / "deeper", "CFLAGS=-Os -g")
    third = made(tmp_path / "third", "CFLAGS=-Os -g")
    assert index(one.folder / "hellocontainer") == index(another.folder / "hellocontainer")
    assert index(third.folder / "hellocontainer") == index(another.folder / "hellocontainer")


def test_a_build_elsewhere_leaves_the_sources_alone(tmp_path: Path) -> None:
    shop = workshop(tmp_path, EXAMPLE)
    shop.make("./bootstrap")
    shop.make("chmod", "-R", "a-w", ".")
    before = sorted(shop.folder.rglob("*"))
    try:
        build = Workshop(tmp_path / "build", shop.store)
        build.folder.mkdir()
        build.make(f"{shop.folder}/configure")
        build.make("make", "-j2", "container")
        assert build.run("oci:hellocontainer") == "Hello container!\n"
        assert sorted(shop.folder.rglob("*")) == before
        build.make("make", "distclean")
        assert [path for path in build.folder.rglob("*") if path.is_file()] == []
    finally:
        shop.make("chmod", "-R", "u+w", ".")


def test_distcheck_passes_and_what_is_distributed_makes_the_same_image(tmp_path: Path) -> None:
    shop = made(tmp_path)
    shop.make("make", "distcheck")
    with tarfile.open(shop.folder / "hellocontainer-1.0.tar.gz") as archive:
        names = set(archive.getnames())
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", shop.folder / "hellocontainer-1.0.tar.gz", "-C", tmp_path / "unpacked"], check=True)
    assert {"hellocontainer-1.0/container.am", "hellocontainer-1.0/fromscratch.m4"} <= names
    assert not [name for name in names if "/hellocontainer/" in name or "container.stage" in name]
    again = Workshop(tmp_path / "unpacked/hellocontainer-1.0", shop.store)
    again.make("./configure")
    again.make("make", "container")
    assert index(again.folder / "hellocontainer") == index(shop.folder / "hellocontainer")


def test_clean_removes_the_image_and_a_clean_rule_of_the_project_stays(tmp_path: Path) -> None:
    shop = workshop(tmp_path, EXAMPLE)
    makefile = (shop.folder / "Makefile.am").read_text()
    shop.write("Makefile.am", f"{makefile}\nclean-local:\n\t@echo cleaned\n")
    shop.make("./bootstrap")
    shop.make("./configure")
    shop.make("make", "container")
    assert "cleaned\n" in shop.make("make", "clean")
    left = [path.name for path in shop.folder.iterdir()]
    assert not {"hellocontainer", "container.stage", "container.build"} & set(left)


def test_the_lines_of_the_older_system_may_stay_in_configure_ac(tmp_path: Path) -> None:
    shop = workshop(tmp_path, EXAMPLE)
    lines = """
AC_CANONICAL_HOST
AM_CONDITIONAL([ARCHITECTURE_386], [test x"${host_cpu}" = xi386])
AM_CONDITIONAL([ARCHITECTURE_AMD64], [test x"${host_cpu}" = xx86_64])
AM_CONDITIONAL([ARCHITECTURE_ARM], [test x"${host_cpu}" = xarm])
AM_CONDITIONAL([ARCHITECTURE_ARM64], [test x"${host_cpu}" = xaarch64])
AM_CONDITIONAL([OS_LINUX], [test x"${build_os}" = xlinux-gnu])
"""
    text = (shop.folder / "configure.ac").read_text()
    shop.write("configure.ac", text.replace("AC_PROG_CC\n", f"AC_PROG_CC\n{lines}"))
    shop.make("./bootstrap")
    shop.make("./configure")
    shop.make("make", "container")
    assert shop.run("oci:hellocontainer") == "Hello container!\n"


def test_without_fromscratch_everything_but_the_container_is_made(tmp_path: Path) -> None:
    shop = workshop(tmp_path, EXAMPLE, PATH=f"{_without(tmp_path)}:/usr/bin:/bin")
    shop.make("./bootstrap")
    shop.make("./configure", "FROMSCRATCH=")
    shop.make("make")
    if "FROMSCRATCH = \n" not in (shop.folder / "Makefile").read_text():
        pytest.skip("fromscratch is in /usr/bin")
    answer = shop.call("make", "container")
    assert answer.code == 2
    assert "error: there is no program fromscratch, so no image of hellocontainer can be made" in answer.said
    assert "hint: install it (pipx install FOLDER, that of its sources)" in answer.said


# A project as others write them: no macro folder, a program in the top folder that is called like the project, no word
# of images.
PLAIN = {
    "configure.ac": """
AC_INIT([plain], [3])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
""",
    "Makefile.am": """
bin_PROGRAMS = plain
plain_SOURCES = main.c
""",
    "main.c": '#include <stdio.h>\nint main(void) { return puts("plain") < 0; }\n',
}
MAKEFILE = f"{shipped('integrations')}/autotools/container.mk"


def plain(folder: Path, configure: str = "", **variables: str) -> Workshop:
    shop = workshop(folder, **variables)
    for name, text in PLAIN.items():
        shop.write(name, text)
    shop.write("configure.ac", PLAIN["configure.ac"].replace("AC_PROG_CC\n", f"AC_PROG_CC\n{configure}"))
    return shop


def test_any_project_is_packed_unchanged_by_a_makefile_of_ours(tmp_path: Path) -> None:
    shop = plain(tmp_path / "a path with spaces")
    answer = shop.call("make", "-f", MAKEFILE)
    assert answer.code == 2
    assert "hint: configure the project first, and call make in its build folder" in answer.said
    shop.make("autoreconf", "-fi")
    shop.make("./configure")
    for _ in range(2):
        shop.make("make", "-f", MAKEFILE, "-j2", "CONTAINER_FLAGS=--user 7")
    assert shop.run("oci:plain.oci") == "plain\n"
    shop.make("make", "-f", MAKEFILE, "container-clean")
    assert not {"plain.oci", "container.stage", "container.build"} & {path.name for path in shop.folder.iterdir()}
    answer = shop.call("make", "-f", MAKEFILE, "FROMSCRATCH=/no/such")
    assert answer.code == 2
    assert "error: there is no program /no/such, so no image of plain can be made" in answer.said


def test_a_cross_build_takes_the_root_of_its_compiler(tmp_path: Path) -> None:
    need_all("aarch64-linux-gnu-gcc")
    shop = plain(tmp_path)
    shop.make("autoreconf", "-fi")
    shop.make("./configure", "--host=aarch64-linux-gnu")
    assert "plain linux/arm64" in shop.make("make", "-f", MAKEFILE)
    assert "/lib/ld-linux-aarch64.so.1" in shop.files("oci:plain.oci")


def test_a_project_without_macro_folder_includes_the_macros(tmp_path: Path) -> None:
    shop = plain(
        tmp_path / "with spaces", "m4_include([fromscratch.m4])\nFROMSCRATCH_REPRODUCIBLE\nFROMSCRATCH_CONTAINER\n"
    )
    flags = "AM_CFLAGS = $(REPRODUCIBLE_CFLAGS)\nAM_LDFLAGS = $(REPRODUCIBLE_LDFLAGS)\n"
    shop.write("Makefile.am", f"{PLAIN['Makefile.am']}{flags}include $(top_srcdir)/container.am\n")
    answer = shop.call("autoreconf", "-fi")
    assert answer.code != 0  # not a configure that prints "command not found" and goes on
    assert "fromscratch.m4" in answer.said
    for name in ("fromscratch.m4", "container.am"):
        shop.write(name, (shipped("integrations") / "autotools" / name).read_text())
    shop.make("autoreconf", "-fi")
    assert "not found" not in shop.make("./configure")
    shop.make("make", "container")
    assert shop.run("oci:plain.oci") == "plain\n"
    shop.make("make", "clean")
    assert not (shop.folder / "plain.oci").exists()
    shop.make("make", "dist")
    with tarfile.open(shop.folder / "plain-3.tar.gz") as archive:
        assert {"plain-3/fromscratch.m4", "plain-3/container.am"} <= set(archive.getnames())


def test_its_own_flags_come_to_no_more_than_the_older_system_had(tmp_path: Path) -> None:
    pytest.importorskip("zstandard", reason="the smallest compression needs zstandard")
    shop = plain(tmp_path)
    shop.write("Makefile.am", f"{PLAIN['Makefile.am']}plain_LDFLAGS = -static\n")
    shop.make("autoreconf", "-fi")
    shop.make("./configure")
    shop.make("make", "-f", MAKEFILE, "CONTAINER_COMPRESSION=smallest")
    assert int(shop.make("du", "-ks", "plain.oci").split()[0]) <= 300


def _without(folder: Path) -> Path:
    empty = folder / "empty"
    empty.mkdir()
    return empty


def test_what_is_in_the_way_is_not_removed(tmp_path: Path) -> None:
    shop = workshop(tmp_path, EXAMPLE)
    shop.make("./bootstrap")
    shop.make("./configure")
    shop.write("hellocontainer/mine.txt", "mine\n")
    answer = shop.call("make", "container")
    assert answer.code == 2
    assert "hellocontainer is there already, and is not an image" in answer.said
    shop.make("make", "clean")
    assert (shop.folder / "hellocontainer/mine.txt").read_text() == "mine\n"
    shutil.rmtree(shop.folder / "hellocontainer")
    shop.make("make", "container")


def test_a_program_that_lacks_a_library_fails_make(tmp_path: Path) -> None:
    need("patchelf")
    shop = workshop(tmp_path, EXAMPLE)
    rule = "\ninstall-exec-hook:\n\tpatchelf --add-needed libnowhere.so.1 $(DESTDIR)$(bindir)/hellocontainer\n"
    makefile = (shop.folder / "src/Makefile.am").read_text().replace("-static ", "")
    shop.write("src/Makefile.am", makefile + rule)
    shop.make("./bootstrap")
    shop.make("./configure")
    answer = shop.call("make", "container")
    assert answer.code == 2
    assert "error: libnowhere.so.1, needed by /usr/local/bin/hellocontainer" in answer.said
    assert not (shop.folder / "hellocontainer").exists()
