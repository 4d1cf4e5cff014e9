"""The table of verbs: what each is called, does and takes, and where its function is, which a call of it loads.

The parser, the help, the completion, the manual page and the tasks of a checkout are all made from it.
"""

from fromscratch.cli.parsing.records import Option, Verb, values
from fromscratch.cli.verbs import options
from fromscratch.cli.verbs.bundle_table import BUNDLE
from fromscratch.cli.verbs.mod_table import MOD
from fromscratch.cli.verbs.options import json
from fromscratch.cli.verbs.slice_table import SLICE
from fromscratch.cli.verbs.slim_table import SLIM
from fromscratch.cli.verbs.trace_table import TRACE

_HERE = "fromscratch.cli.verbs"
_SOURCES = f"{_HERE}.init_template:choices"

GENERAL = (
    Option("help", "[VERB]", "what there is; what a verb's options are"),
    Option("version", "", "the version"),
    Option("print-completion-script", "SHELL", "for bash, zsh or fish, to be sourced", choices=("bash", "zsh", "fish")),
    Option("print-man-page", "", "the manual page, for man -l or a folder man1"),
)


def _first_sources() -> str:
    return (
        f"where the root comes from: one of {', '.join(values(_SOURCES))}; a package to start, such as debian:nginx "
        "or debian:nginx/trixie; or a declaration of another tool that becomes a recipe, such as apko.yaml"
    )


_TABLE = (
    Verb(
        "init",
        f"{_HERE}.init:init",
        "Write a commented recipe, fromscratch.yaml, to start from.",
        "fromscratch init --from debian",
        (
            Option(
                "from",
                "KIND|KIND:PACKAGE|FILE",
                _first_sources,
                candidates=_SOURCES,
                is_path=True,
            ),
            Option("force", "", "replace a recipe that is there"),
        ),
        (options.QUIET,),
    ),
    Verb(
        "doctor",
        f"{_HERE}.doctor:doctor",
        "Tell what this machine has and lacks for each source, transport and way to run, and how to get it.",
        "fromscratch doctor --json",
        (json("a list of objects instead of a table"),),
        (options.STORE_DIR, options.QUIET),
    ),
    Verb(
        "schema",
        f"{_HERE}.schema:schema",
        "Print the JSON Schema of recipes, for editors and other programs.",
        "fromscratch schema > recipe.schema.json",
        (),
        (options.QUIET,),
    ),
    Verb(
        "fetch",
        f"{_HERE}.fetch:fetch",
        "Download everything the recipe needs into the store: verified, resumed, in parallel.",
        "fromscratch fetch --recipe busybox",
        (),
        options.BUILDING,
    ),
    Verb(
        "configure",
        f"{_HERE}.configure:configure",
        "Make Buildroot's configuration; --menu opens its menu and writes the change back as a fragment.",
        "fromscratch configure --recipe buildroot-busybox --menu",
        (
            Option("menu", "", "open menuconfig and write what changed back as a fragment"),
            Option("busybox", "", "busybox's own menu"),
            Option(
                "savedefconfig", "FILE", "write the whole recipe as one defconfig, for Buildroot alone", is_path=True
            ),
        ),
        options.BUILDING,
    ),
    Verb(
        "build",
        f"{_HERE}.build:build",
        "Make the image out of what was fetched: no network. Writes oci/, evidence.json, Dockerfile, build.log.",
        "fromscratch fetch build --platform linux/amd64,linux/arm64",
        (
            *options.BUILD_CHECKS,
            options.START_CHECK,
            Option("twice", "", "build it a second time under other conditions, and explain the first difference"),
            Option("all", "", "list every command of packages' scripts that was not followed, not one a package"),
            json("print what was built for a program to read"),
        ),
        options.BUILDING,
    ),
    Verb(
        "import",
        f"{_HERE}.import_:import_",
        "Bring the image into a container engine: its import of the root and the configuration, or --via load.",
        "fromscratch fetch build import --tag hello:1 --engine podman",
        (
            Option(
                "tag",
                "REF",
                "REF, what the engine will call it (default: the name that the image has, or the recipe's)",
            ),
            options.ENGINE,
            Option(
                "via",
                "WAY",
                "import (default): the root's tar and a metadata Dockerfile; load: as it is, so that its digest stays",
                default="import",
                choices=options.WAYS,
            ),
            options.IMAGE,
            json("the name and ID for a program to read"),
        ),
        options.DELIVERING,
        delivers=True,
    ),
    Verb(
        "pack",
        f"{_HERE}.pack:pack",
        "Write the image to a file or folder for other systems, in the form that --to says.",
        "fromscratch fetch build pack --to oci-archive --output hello.tar",
        (
            options.FORM,
            Option("output", "FILE", "the FILE to write (for oci: the DIR); - is standard output", is_path=True),
            Option(
                "tag",
                "NAME",
                "what the image is called inside (default: the name that it has, or the recipe's; in a layout its tag)",
            ),
            options.IMAGE._replace(help=options.SEVERAL_IMAGES, repeated=True),
            json("the file and its digest for a program to read"),
        ),
        (*options.OF_OWN_RECIPE, options.CHOSEN_PLATFORM, *options.STORED),
        delivers=True,
    ),
    Verb(
        "push",
        f"{_HERE}.push:push",
        "Bring the image, for every platform that it has, into a registry; no daemon is needed.",
        "fromscratch fetch build push ghcr.io/me/hello:1 --also-tag latest",
        (
            options.IMAGE,
            Option("also-tag", "TAG", "TAG, one more for the same image; may be given several times", repeated=True),
            Option(
                "mount-from",
                "PATH",
                "PATH, a repository of the same registry that has some of the layers; may be given several times",
                repeated=True,
            ),
            options.PLAIN_HTTP,
            options.CA,
            Option(
                "chunk-size", "MB", "send blobs in pieces of so many MB (default: in one, and smaller if that fails)"
            ),
            json("what was pushed, for a program to read"),
        ),
        options.DELIVERING,
        Option("ref", "REF", "where to: HOST/PATH[:TAG]"),
        delivers=True,
    ),
    Verb(
        "pull",
        f"{_HERE}.pull:pull",
        "Bring an image out of a registry, for every platform that it has; no daemon is needed.",
        "fromscratch pull docker.io/library/busybox:1 --platform linux/arm64",
        (
            options.FORM._replace(help="the form of the file to write (default: oci)", default="oci"),
            Option(
                "output",
                "FILE",
                "the FILE, or for oci the DIR, to write (default: pulled/HOST/PATH); - is standard output",
                is_path=True,
            ),
            options.PLAIN_HTTP,
            options.CA,
            json("what was pulled, for a program to read"),
        ),
        (
            options.PLATFORM._replace(help="linux/ARCH[,linux/ARCH] to pull (default: all that there are)"),
            *options.STORED,
        ),
        Option("ref", "REF", "which image: HOST/PATH[:TAG][@DIGEST], or docker://NAME"),
    ),
    Verb(
        "run",
        f"{_HERE}.run:run",
        "Start the image here: with an engine, a runtime or in a private root. Words after -- replace its cmd.",
        "fromscratch fetch build run -- /bin/sh -c 'echo hello'",
        (
            Option(
                "engine",
                "ENGINE",
                options.starters,
                choices="fromscratch.cli.parsing.candidates:STARTERS",
            ),
            *options.CHECKS,
            json("what came of the checks for a program to read"),
        ),
        options.INSPECTING,
        options.IMAGE,
        takes_words=True,
    ),
    Verb(
        "closure",
        f"{_HERE}.closure:closure",
        "What programs and libraries need to run, and why, by the loader's rules; nothing is executed.",
        "fromscratch closure /usr/bin/git --beyond",
        (
            options.ROOT,
            options.SEARCH,
            Option("preload", "NAME", "NAME for LD_PRELOAD; may be repeated", repeated=True),
            Option("beyond", "", "also follow what linking does not show: dlopen, scripts, NSS and the rest"),
            Option("all", "", "with --beyond: list everything that is offered, not only what is likeliest needed"),
            json("objects and missing for a program to read"),
        ),
        (options.QUIET,),
        options.FILES,
        only_reads=True,
    ),
    BUNDLE,
    TRACE,
    SLIM,
    SLICE,
    MOD,
    Verb(
        "cmake-dir",
        f"{_HERE}.cmake_dir:cmake_dir",
        "Print the folder that holds the CMake module FromscratchContainerConfig.cmake, for CMAKE_PREFIX_PATH.",
        "cmake -B build -DCMAKE_PROJECT_INCLUDE=$(fromscratch cmake-dir)/FromscratchContainerConfig.cmake",
        (),
        (options.QUIET,),
        only_reads=True,
    ),
    Verb(
        "autotools-dir",
        f"{_HERE}.autotools_dir:autotools_dir",
        "Print the folder that holds container.mk, container.am and fromscratch.m4, for `make container`.",
        "make -f $(fromscratch autotools-dir)/container.mk",
        (),
        (options.QUIET,),
        only_reads=True,
    ),
    Verb(
        "meson-dir",
        f"{_HERE}.meson_dir:meson_dir",
        "Print the folder with the target `container` of Meson, to be copied into a project.",
        "cp -r $(fromscratch meson-dir) container",
        (),
        (options.QUIET,),
        only_reads=True,
    ),
    Verb(
        "why",
        f"{_HERE}.why:why",
        "Explain a file: every reason for which it is in the image, down to what was asked for.",
        "fromscratch why /bin/sh",
        (options.ANY_IMAGE, json("for a program")),
        options.INSPECTING,
        Option("path", "PATH", "a path of the image"),
    ),
    Verb(
        "ls",
        f"{_HERE}.ls:ls",
        "List an image: one line per entry, with kind, mode, owner, size and target.",
        "fromscratch ls docker:debian:trixie --path /etc",
        (Option("path", "PATH", "only this path and what is below it"), json("a list of objects instead of lines")),
        options.INSPECTING,
        options.ANY_IMAGE,
    ),
    Verb(
        "verify",
        f"{_HERE}.verify:verify",
        "Prove that a small image does what the full one does: the same checks in both, recorded and compared.",
        "fromscratch verify build/nginx-slim --repair",
        (
            Option(
                "against",
                "IMAGE",
                "the full image, for two images of any origin",
                candidates="fromscratch.cli.parsing.candidates:images",
            ),
            *options.CHECKS,
            options.IGNORE_OUTPUT,
            Option("repair", "", "add what was missed in the small image, and try again until nothing is"),
            options.RECORDER,
            options.json("the verdict for a program to read"),
        ),
        (*options.OF_RECIPE, options.CHOSEN_PLATFORM, *options.STORED),
        options.ANY_IMAGE._replace(help="the output folder of slim (or with --against any image)"),
    ),
    Verb(
        "clean",
        f"{_HERE}.clean:clean",
        "Remove what build wrote for the recipe; with --store the store too.",
        "fromscratch clean --store",
        (Option("store", "", "the store too: every download and every built tree"),),
        (*options.OF_RECIPE, options.OUTPUT, options.STORE_DIR, options.QUIET),
    ),
    Verb(
        "store",
        f"{_HERE}.store:store",
        "Look after the store: `store path` says where it is, `store check` reads it all, `store prune` makes room.",
        "fromscratch store prune --older-than 30d",
        (
            Option("repair", "", "check: remove what is damaged, so that it is fetched or made again"),
            Option("older-than", "AGE", "prune: AGE, such as 30d, 12h or 2w, since something was last of use"),
            Option("keep-size", "SIZE", "prune: SIZE, such as 10G, that may stay; the longest unused goes first"),
            json("the answer for a program to read"),
        ),
        options.STORED,
        Option(
            "action",
            "ACTION",
            "path: where it is; check: read all that it holds; prune: remove what was long of no use",
            choices=f"{_HERE}.store:ACTIONS",
        ),
    ),
)
VERBS = {verb.name: verb for verb in _TABLE}
