"""`cpack -G External` on real projects: what is in the image, that it runs, and that what cannot be fails cpack."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from fromscratch.host.machine.package_data import shipped
from tests.engines import docker, missing
from tests.integrations.workshop import Answer, Workshop, index, need_all, workshop

__all__ = ["docker"]
pytestmark = pytest.mark.slow

MODULE = shipped("integrations") / "cmake"
FILE = MODULE / "FromscratchContainerConfig.cmake"
SCRIPT = MODULE / "external_container_package.cmake"
GREETING = "Hello from a shared library, out of a data file!\n"
OWN = [
    "/usr/local/bin/myapp",
    "/usr/local/lib/libgreeting.so.1",
    "/usr/local/lib/libgreeting.so.1.0.0",
    "/usr/local/share/myapp/words.txt",
]


@pytest.fixture(autouse=True)
def _programs() -> None:
    need_all("cmake", "cpack", "gcc", "make")


def built(shop: Workshop, *words: str) -> Workshop:
    shop.make("cmake", "-B", "build", *words)
    shop.make("cmake", "--build", "build")
    return shop


def cpack(shop: Workshop, *definitions: str, generator: str = "External") -> Answer:
    """`cpack -G External -D …` in the build folder."""
    words = [word for each in definitions for word in ("-D", each)]
    return shop.call("cpack", "-G", generator, *words, below="build")


def made(shop: Workshop, *definitions: str) -> str:
    answer = cpack(shop, *definitions)
    assert answer.code == 0, answer.said
    return answer.said


def own(shop: Workshop, top: str = "/usr/local") -> list[str]:
    """What the image has of the project itself."""
    return [path for path in shop.files("oci:container/oci", below="build") if path.startswith(f"{top}/")]


def foreign(shop: Workshop, cmakelists: str) -> Workshop:
    """A project of another style, which knows nothing of containers."""
    shop.write("CMakeLists.txt", f"cmake_minimum_required(VERSION 3.5...3.27)\n{cmakelists}\ninclude(CPack)\n")
    shop.write("main.c", '#include <stdio.h>\nint main(void) { return puts("I am foreign") < 0; }\n')
    shop.write("text.txt", "text\n")
    return shop


PLAIN = """
project(Foreign_Tool VERSION 2.1 LANGUAGES C)
add_executable(Tool main.c)
install(TARGETS Tool DESTINATION bin)
install(FILES text.txt DESTINATION etc/tool)
"""


# --- The example, as the older system's text has it ----------------------------------------------------------------


def test_the_example_gives_an_image_of_program_library_and_data(tmp_path: Path) -> None:
    shop = built(workshop(tmp_path, "cmake-app"), "-DENABLE_MINIMAL_CONTAINER=ON")
    said = made(shop)
    assert own(shop) == OWN
    assert shop.run("oci:container/oci", below="build") == GREETING
    assert "No container engine answers" in said
    assert "myapp-1.0.0-Linux.oci.tar generated" in said
    with tarfile.open(shop.folder / "build/myapp-1.0.0-Linux.oci.tar") as archive:
        names = json.load(archive.extractfile("index.json"))["manifests"][0]["annotations"]  # type: ignore[arg-type]
    assert names["org.opencontainers.image.ref.name"] == "1.0.0"
    assert names["io.containerd.image.name"] == "docker.io/library/myapp:1.0.0"


def test_the_image_goes_into_the_engine_that_answers(tmp_path: Path, docker: Engine) -> None:
    shop = workshop(tmp_path, "cmake-app", DOCKER_HOST=docker.program[-1])
    built(shop, "-DENABLE_MINIMAL_CONTAINER=ON")
    said = made(shop)
    assert "To start it: docker run --rm myapp:1.0.0" in said
    answer = docker.call("run", "--rm", *docker.run_flags, "myapp:1.0.0")
    assert answer.stdout.decode() == GREETING
    user = docker.call("image", "inspect", "--format", "{{.Config.User}}", "myapp:1.0.0").stdout.decode()
    assert user.strip() == "65532:65532"


def test_the_same_sources_give_the_same_image_in_another_folder(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "another"):
        shop = built(
            workshop(tmp_path / name, "cmake-app"), "-DENABLE_MINIMAL_CONTAINER=ON", "-DCMAKE_BUILD_TYPE=Release"
        )
        made(shop)
        digests.append(index(shop.folder / "build/container/oci")["layers"][0]["digest"])
    assert digests[0] == digests[1]


OLDER = """
find_program(FROMSCRATCH_EXECUTABLE fromscratch REQUIRED)
execute_process(COMMAND "${FROMSCRATCH_EXECUTABLE}" cmake-dir OUTPUT_VARIABLE _dir OUTPUT_STRIP_TRAILING_WHITESPACE)
include("${_dir}/external_container_package.cmake")
"""


def test_a_project_keeps_its_script_of_the_older_system_and_its_name(tmp_path: Path) -> None:
    shop = workshop(tmp_path)
    script = 'set(CPACK_EXTERNAL_PACKAGE_SCRIPT "${CMAKE_CURRENT_SOURCE_DIR}/cmake/external_container_package.cmake")'
    option = 'option(ENABLE_MINIMAL_CONTAINER "" OFF)\nset(CPACK_GENERATOR "External;TGZ")'
    foreign(shop, f"{PLAIN}{option}\n{script}")
    shop.write("cmake/external_container_package.cmake", OLDER)
    built(shop, "-DENABLE_MINIMAL_CONTAINER=ON")
    made(shop)
    assert shop.run("oci:container/oci", below="build") == "I am foreign\n"
    built(shop, "-DENABLE_MINIMAL_CONTAINER=OFF")
    answer = shop.call("cpack", below="build")
    assert answer.code == 0
    assert "ENABLE_MINIMAL_CONTAINER is OFF: no image is made" in answer.said
    assert (shop.folder / "build/Foreign_Tool-2.1-Linux.tar.gz").exists()


def test_off_leaves_the_image_out_and_the_other_packages_in(tmp_path: Path) -> None:
    shop = built(workshop(tmp_path, "cmake-app"))
    answer = shop.call("cpack", below="build")
    assert answer.code == 0
    assert (shop.folder / "build/myapp-1.0.0-Linux.tar.gz").exists()
    assert not (shop.folder / "build/container").exists()


@pytest.mark.parametrize("generator", ["Unix Makefiles", "Ninja"])
def test_any_build_program_and_any_prefix_will_do(tmp_path: Path, generator: str) -> None:
    need_all(*(["ninja"] if generator == "Ninja" else []))
    shop = built(
        workshop(tmp_path, "cmake-app"), "-G", generator, "-DCMAKE_INSTALL_PREFIX=/usr", "-DENABLE_MINIMAL_CONTAINER=ON"
    )
    made(shop)
    assert {path.replace("/local/", "/") for path in OWN if "/lib/" not in path} <= set(own(shop, "/usr"))
    assert shop.run("oci:container/oci", below="build") == GREETING


# --- The module ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(
            ("find_package(FromscratchContainer CONFIG REQUIRED)", f"-DFromscratchContainer_DIR={MODULE}"), id="dir"
        ),
        pytest.param(
            ("find_package(FromscratchContainer CONFIG REQUIRED)", f"-DCMAKE_PREFIX_PATH={MODULE}"), id="prefix"
        ),
        pytest.param(("include(FromscratchContainerConfig)", f"-DCMAKE_MODULE_PATH={MODULE}"), id="include"),
        pytest.param(("", f"-DCMAKE_PROJECT_INCLUDE={FILE}"), id="of the call"),
    ],
)
@pytest.mark.parametrize("order", ["before CPack", "after CPack", "without CPack"])
def test_the_module_takes_what_the_project_says_wherever_it_is_included(
    tmp_path: Path, how: tuple[str, str], order: str
) -> None:
    shop = workshop(tmp_path)
    foreign(shop, "")
    said = """
set(ENABLE_MINIMAL_CONTAINER ON)
set(CONTAINER_ENV "GREETING=hello, \\"world\\" \\${x}" "LIST=a\\;b")
set(CONTAINER_LABELS org.example.a=1 org.example.b=2)
set(CONTAINER_PORTS 80)
set(CONTAINER_VOLUMES /data)
set(CONTAINER_WORKDIR /tmp)
set(CONTAINER_STOP_SIGNAL SIGINT)
set(CONTAINER_USER 7:8)
set(CONTAINER_CMD --one "two words")
"""
    project = (
        PLAIN.replace("project(", "project(")
        + {
            "before CPack": f"{how[0]}\n{said}\ninclude(CPack)\n",
            "after CPack": f"include(CPack)\n{said}\n{how[0]}\n",
            "without CPack": f"{said}\n{how[0]}\n",
        }[order]
    )
    shop.write("CMakeLists.txt", f"cmake_minimum_required(VERSION 3.5...3.27)\n{project}")
    built(shop, how[1])
    made(shop)
    manifest = index(shop.folder / "build/container/oci")
    blob = shop.folder / "build/container/oci/blobs" / manifest["config"]["digest"].replace(":", "/")
    config = json.loads(blob.read_text())["config"]
    assert config == {
        "User": "7:8",
        "ExposedPorts": {"80/tcp": {}},
        "Env": ['GREETING=hello, "world" ${x}', "LIST=a;b"],
        "Entrypoint": ["/usr/local/bin/Tool"],
        "Cmd": ["--one", "two words"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/tmp",
        "Labels": {"org.example.a": "1", "org.example.b": "2"},
        "StopSignal": "SIGINT",
    }
    assert (shop.folder / "build/Foreign_Tool-2.1-Linux.oci.tar").exists()


def test_the_module_is_off_until_it_is_asked_for(tmp_path: Path) -> None:
    shop = workshop(tmp_path)
    foreign(shop, f"{PLAIN}find_package(FromscratchContainer CONFIG REQUIRED)")
    built(shop, f"-DFromscratchContainer_DIR={MODULE}")
    assert "FromscratchContainer" not in (shop.folder / "build/CPackConfig.cmake").read_text()
    built(shop, "-DENABLE_MINIMAL_CONTAINER=ON")
    made(shop)
    assert own(shop) == ["/usr/local/bin/Tool", "/usr/local/etc/tool/text.txt"]
    built(shop, "-DENABLE_MINIMAL_CONTAINER=OFF")
    assert cpack(shop).code == 0
    assert not (shop.folder / "build/FromscratchContainerSettings.cmake").exists()


def test_a_cross_build_takes_its_libraries_from_the_sysroot(tmp_path: Path) -> None:
    need_all("aarch64-linux-gnu-gcc")
    shop = workshop(tmp_path)
    shop.write(
        "arm64.cmake",
        "set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR aarch64)\n"
        "set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)\n",
    )
    # Debian's cross compiler has its root without --sysroot; it is found by the compiler's name.
    foreign(shop, PLAIN)
    built(shop, "-DCMAKE_TOOLCHAIN_FILE=arm64.cmake", f"-DCMAKE_PROJECT_INCLUDE={FILE}")
    assert "foreign_tool linux/arm64" in made(shop)
    files = shop.files("oci:container/oci", below="build")
    assert {"/lib/ld-linux-aarch64.so.1", "/lib/libc.so.6", "/usr/local/bin/Tool"} <= set(files)
    assert not [path for path in files if "x86" in path]
    said = cpack(shop, "CONTAINER_ROOT=/").said.partition("To try it alone")[0]
    assert "(-D CONTAINER_ROOT=/usr/aarch64-linux-gnu)" in said
    assert "--root" not in said


# --- Projects that know nothing of CPack, by variables of CMake -----------------------------------------------------

ALONE = """
cmake_minimum_required(VERSION 3.5...3.27)
project(Alone VERSION 3 LANGUAGES C)
add_subdirectory(part)
"""
PART = """
project(Part LANGUAGES C)
add_library(part SHARED part.c)
add_library(support SHARED support.c)
target_link_libraries(support PRIVATE part)
add_library(alias::support ALIAS support)
add_executable(Alone ../main.c)
add_executable(checker checker.c)
target_link_libraries(checker alias::support)
install(TARGETS part LIBRARY DESTINATION lib)
"""


def alone(shop: Workshop, more: str = "install(TARGETS Alone DESTINATION bin)\n") -> Workshop:
    """A project without include(CPack), with a project below it and a program that it does not install."""
    shop.write("CMakeLists.txt", ALONE)
    shop.write("part/CMakeLists.txt", PART + more)
    shop.write("main.c", '#include <stdio.h>\nint main(void) { return puts("I am alone") < 0; }\n')
    shop.write("part/part.c", "int part(void) { return 42; }\n")
    shop.write("part/support.c", "int part(void);\nint support(void) { return part(); }\n")
    text = '#include <stdio.h>\nint support(void);\nint main(void) { return printf("%d\\n", support()) < 0; }\n'
    shop.write("part/checker.c", text)
    return shop


@pytest.mark.parametrize(
    ("variable", "since"),
    [
        ("CMAKE_PROJECT_INCLUDE", (3, 19)),
        ("CMAKE_PROJECT_Alone_INCLUDE", (3, 19)),
        ("CMAKE_PROJECT_TOP_LEVEL_INCLUDES", (3, 24)),
    ],
)
def test_a_project_without_cpack_needs_one_variable(tmp_path: Path, variable: str, since: tuple[int, int]) -> None:
    shop = alone(workshop(tmp_path))
    need_cmake(shop, since)
    built(shop, f"-D{variable}={FILE}")
    answer = shop.call("cpack", below="build")
    assert answer.code == 0, answer.said
    assert own(shop) == ["/usr/local/bin/Alone", "/usr/local/lib/libpart.so"]
    assert shop.run("oci:container/oci", below="build") == "I am alone\n"
    assert [path.name for path in (shop.folder / "build").glob("Alone-3-Linux.*tar*")] == ["Alone-3-Linux.oci.tar"]
    built(shop, "-DENABLE_MINIMAL_CONTAINER=OFF")
    assert not (shop.folder / "build/FromscratchContainerSettings.cmake").exists()


def test_a_program_that_is_built_and_not_installed_is_named_by_its_target(tmp_path: Path) -> None:
    shop = built(alone(workshop(tmp_path), ""), f"-DCMAKE_PROJECT_INCLUDE={FILE}")
    hint = "configure with -DCONTAINER_TARGETS=NAME for one that it builds (Alone, checker)"
    assert hint in failed(shop)
    built(shop, "-DCONTAINER_TARGETS=checker")
    made(shop)
    assert own(shop) == ["/usr/local/bin/checker", "/usr/local/lib/libpart.so", "/usr/local/lib/libsupport.so"]
    assert shop.run("oci:container/oci", below="build") == "42\n"
    shop.make("cmake", "--install", "build", "--prefix", f"{tmp_path}/machine")
    assert not (tmp_path / "machine/bin").exists()
    answer = shop.call("cmake", "-B", "build", "-DCONTAINER_TARGETS=misspelt")
    assert answer.code == 1
    assert "hint: write one of Alone, checker" in answer.said


def test_an_image_of_libraries_alone_is_made_if_nothing_has_to_start(tmp_path: Path) -> None:
    shop = built(alone(workshop(tmp_path), ""), f"-DCMAKE_PROJECT_INCLUDE={FILE}")
    made(shop, "CONTAINER_EXTRA_ARGS=--start-check=off")
    assert own(shop) == ["/usr/local/lib/libpart.so"]


def test_a_build_of_several_configurations_packs_the_one_of_the_call(tmp_path: Path) -> None:
    need_all("ninja")
    shop = alone(workshop(tmp_path))
    shop.make("cmake", "-B", "build", "-G", "Ninja Multi-Config", f"-DCMAKE_PROJECT_INCLUDE={FILE}")
    shop.make("cmake", "--build", "build", "--config", "Debug")
    assert "say with cpack -C CONFIGURATION which one is built" in failed(shop)
    answer = shop.call("cpack", "-G", "External", "-C", "Debug", below="build")
    assert answer.code == 0, answer.said
    assert shop.run("oci:container/oci", below="build") == "I am alone\n"


def test_presets_configure_build_and_pack(tmp_path: Path) -> None:
    shop = alone(workshop(tmp_path))
    need_cmake(shop, (3, 25))
    presets = {
        "version": 6,
        "configurePresets": [
            {
                "name": "image",
                "generator": "Unix Makefiles",
                "binaryDir": "build",
                "cacheVariables": {"CMAKE_PROJECT_INCLUDE": str(FILE)},
            }
        ],
        "buildPresets": [{"name": "image", "configurePreset": "image"}],
        "packagePresets": [
            {
                "name": "image",
                "configurePreset": "image",
                "generators": ["External"],
                "variables": {"CONTAINER_NAME": "preset", "CONTAINER_USER": "7"},
            }
        ],
        "workflowPresets": [
            {"name": "image", "steps": [{"type": kind, "name": "image"} for kind in ("configure", "build", "package")]}
        ],
    }
    shop.write("CMakePresets.json", json.dumps(presets))
    assert "preset linux/" in shop.make("cmake", "--workflow", "--preset", "image")
    assert shop.run("oci:build/container/oci") == "I am alone\n"


@pytest.mark.parametrize(
    ("sanitizer", "library"), [("address", "libasan.so."), ("undefined", "libubsan.so."), ("thread", "libtsan.so.")]
)
def test_the_library_of_a_sanitizer_goes_along(tmp_path: Path, sanitizer: str, library: str) -> None:
    shop = alone(workshop(tmp_path))
    # What finds leaks traces its own process, which a container may forbid.
    flags = f"-DCMAKE_C_FLAGS=-fsanitize={sanitizer}"
    built(shop, f"-DCMAKE_PROJECT_INCLUDE={FILE}", flags, "-DCONTAINER_ENV=ASAN_OPTIONS=detect_leaks=0")
    made(shop)
    assert [path for path in shop.files("oci:container/oci", below="build") if library in path]
    assert shop.run("oci:container/oci", below="build") == "I am alone\n"


# --- Projects that know nothing of containers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "staging",
    [
        pytest.param((), id="ours"),
        pytest.param(("CPACK_EXTERNAL_ENABLE_STAGING=ON", "CPACK_SET_DESTDIR=ON"), id="CPack's by component"),
        pytest.param(
            ("CPACK_EXTERNAL_ENABLE_STAGING=ON", "CPACK_SET_DESTDIR=ON", "CPACK_MONOLITHIC_INSTALL=ON"),
            id="CPack's as one",
        ),
    ],
)
def test_a_foreign_project_with_components_is_packed_unchanged(tmp_path: Path, staging: tuple[str, ...]) -> None:
    shop = workshop(tmp_path, "cmake-app")
    text = (shop.folder / "CMakeLists.txt").read_text()
    before, _, after = text.partition("# The image.")
    assert after
    shop.write("CMakeLists.txt", f"{before}set(CPACK_COMPONENTS_ALL program libraries data)\ninclude(CPack)\n")
    built(shop)
    made(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}", "CONTAINER_NAME=team/unchanged", "CONTAINER_TAG=7", *staging)
    whole = "CPACK_MONOLITHIC_INSTALL=ON" in staging
    more = ["/usr/local/include/greeting.h", "/usr/local/lib/libgreeting.so"] if whole else []
    assert own(shop) == sorted([*OWN, *more])
    assert shop.run("oci:container/oci", below="build") == GREETING


@pytest.mark.parametrize("staging", [(), ("CPACK_EXTERNAL_ENABLE_STAGING=ON", "CPACK_MONOLITHIC_INSTALL=ON")])
def test_a_foreign_project_with_a_prefix_for_its_packages_keeps_it(tmp_path: Path, staging: tuple[str, ...]) -> None:
    shop = built(foreign(workshop(tmp_path), f"{PLAIN}\nset(CPACK_PACKAGING_INSTALL_PREFIX /opt/tool)"))
    made(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}", *staging)
    assert own(shop, "/opt") == ["/opt/tool/bin/Tool", "/opt/tool/etc/tool/text.txt"]
    assert shop.run("oci:container/oci", below="build") == "I am foreign\n"


def test_a_tree_that_cpack_staged_at_the_root_works_too(tmp_path: Path) -> None:
    shop = built(workshop(tmp_path, "cmake-app"))
    made(
        shop,
        f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}",
        "CPACK_EXTERNAL_ENABLE_STAGING=ON",
        "ENABLE_MINIMAL_CONTAINER=ON",
        "CONTAINER_ADD=data/words.txt:/usr/local/share/myapp/words.txt".replace("data/", f"{shop.folder}/data/"),
    )
    assert "/bin/myapp" in shop.files("oci:container/oci", below="build")
    assert shop.run("oci:container/oci", below="build") == GREETING


def test_of_several_programs_the_one_with_the_projects_name_is_started(tmp_path: Path) -> None:
    more = "\nadd_executable(helper main.c)\ninstall(TARGETS helper DESTINATION bin)\n"
    shop = built(foreign(workshop(tmp_path), PLAIN.replace("Foreign_Tool", "tool") + more))
    made(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}")
    assert shop.run("oci:container/oci", below="build") == "I am foreign\n"
    made(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}", "CONTAINER_ENTRYPOINT=/usr/local/bin/helper")
    assert '"/usr/local/bin/helper"' in (shop.folder / "build/container/Dockerfile").read_text()


@pytest.mark.parametrize(
    ("form", "end"), [("oci", "oci"), ("docker-archive", "docker.tar"), ("tar", "rootfs.tar"), ("none", "")]
)
def test_the_package_has_the_form_that_was_asked_for(tmp_path: Path, form: str, end: str) -> None:
    shop = built(foreign(workshop(tmp_path), PLAIN))
    made(
        shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}", f"CONTAINER_FORMAT={form}", "CONTAINER_NAME=host.example/tool"
    )
    packages = [
        path.name for path in (shop.folder / "build").glob("Foreign_Tool-2.1-Linux.*") if path.suffix != ".json"
    ]
    assert packages == ([f"Foreign_Tool-2.1-Linux.{end}"] if end else [])
    if form == "docker-archive":
        with tarfile.open(shop.folder / "build" / packages[0]) as archive:
            listed = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert listed[0]["RepoTags"] == ["host.example/tool:2.1"]


def test_files_with_an_absolute_destination_are_in_the_image_and_not_on_this_machine(tmp_path: Path) -> None:
    place = tmp_path / "machine"
    shop = built(foreign(workshop(tmp_path), f"{PLAIN}\ninstall(FILES text.txt DESTINATION {place})"))
    made(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}")
    assert f"{place}/text.txt" in shop.files("oci:container/oci", below="build")
    assert not place.exists()
    answer = cpack(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}", "CPACK_EXTERNAL_ENABLE_STAGING=ON")
    assert answer.code == 1
    assert "leave out CPACK_EXTERNAL_ENABLE_STAGING, or add -D CPACK_SET_DESTDIR=ON" in answer.said


def test_a_make_build_is_brought_up_to_date_as_by_other_generators(tmp_path: Path) -> None:
    shop = built(foreign(workshop(tmp_path), PLAIN), "-G", "Unix Makefiles")
    shop.write("main.c", '#include <stdio.h>\nint main(void) { return puts("edited since") < 0; }\n')
    made(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={SCRIPT}")
    assert shop.run("oci:container/oci", below="build") == "edited since\n"


# --- What cannot be ------------------------------------------------------------------------------------------------


def need_cmake(shop: Workshop, since: tuple[int, int]) -> None:
    """Skip where CMake is older than `since`."""
    version = tuple(int(part) for part in shop.make("cmake", "--version").split()[2].split(".")[:2])
    if version < since:
        missing(f"cmake {since[0]}.{since[1]} or newer")


def failed(shop: Workshop, *definitions: str) -> str:
    """What a cpack says that fails, on one line; nothing is left under the package's name."""
    answer = cpack(shop, *definitions)
    assert answer.code == 1, answer.said
    assert not list((shop.folder / "build").glob("*.oci.tar"))
    return " ".join(answer.said.split())


def test_without_fromscratch_cpack_fails_and_says_how_to_get_it(tmp_path: Path) -> None:
    # A copy of the script, as a project may have it, lies beside no installation.
    copied = shutil.copytree(MODULE, tmp_path / "copied")
    found = [path for path in ("/usr/local/bin", "/usr/bin", "/bin") if Path(path, "fromscratch").exists()]
    if found:
        missing(f"CMake looks into {found[0]}, and fromscratch is there")
    shop = built(foreign(workshop(tmp_path, PATH="/usr/bin:/bin"), PLAIN))
    said = failed(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={copied / SCRIPT.name}")
    assert "error: there is no program fromscratch, so no image of foreign_tool:2.1 can be made" in said
    assert (
        "hint: install it (pipx install FOLDER, that of its sources), or name it with -D FROMSCRATCH_EXECUTABLE=PATH"
        in said
    )
    packages = cpack(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={copied / SCRIPT.name}", generator="External;TGZ")
    assert packages.code == 0
    assert "error: there is no program fromscratch" in packages.said
    assert (shop.folder / "build/Foreign_Tool-2.1-Linux.tar.gz").exists()
    output = failed(shop, f"CPACK_EXTERNAL_PACKAGE_SCRIPT={copied / SCRIPT.name}", "FROMSCRATCH_EXECUTABLE=/no/such")
    # What is in brackets is CMake's own, and begins with a small letter in later releases.
    said = output.replace("(No such", "(no such")
    assert "There is no package of foreign_tool:2.1: fromscratch says above why (no such file or directory)" in said


def test_a_library_that_is_not_there_fails_cpack_by_name(tmp_path: Path) -> None:
    shop = built(workshop(tmp_path, "cmake-app"), "-DENABLE_MINIMAL_CONTAINER=ON")
    said = failed(shop, "CONTAINER_COMPONENTS=program;data")
    assert "error: libgreeting.so.1, needed by /usr/local/bin/myapp" in said
    assert "There is no package of myapp:1.0.0: fromscratch says above why" in said


def test_an_entry_point_that_is_not_in_the_image_fails_cpack(tmp_path: Path) -> None:
    shop = built(workshop(tmp_path, "cmake-app"), "-DENABLE_MINIMAL_CONTAINER=ON")
    assert "/usr/local/bin/other" in failed(shop, "CONTAINER_ENTRYPOINT=/usr/local/bin/other")


def test_a_project_without_programs_or_without_files_fails_cpack(tmp_path: Path) -> None:
    shop = built(workshop(tmp_path, "cmake-app"), "-DENABLE_MINIMAL_CONTAINER=ON")
    assert "error: the project installs no program" in failed(shop, "CONTAINER_COMPONENTS=data")
    assert "error: the project installs nothing" in failed(shop, "CONTAINER_COMPONENTS=misspelt")


def test_a_project_that_is_not_built_and_a_form_that_is_none_fail_cpack(tmp_path: Path) -> None:
    need_all("ninja")
    shop = workshop(tmp_path, "cmake-app")
    shop.make("cmake", "-B", "build", "-G", "Ninja", "-DENABLE_MINIMAL_CONTAINER=ON")
    assert "hint: build it first, with cmake --build" in failed(shop)
    shop.make("cmake", "--build", "build")
    assert "hint: write oci-archive, docker-archive, oci, tar or none" in failed(shop, "CONTAINER_FORMAT=zip")
