"""All that one item of a recipe means for Buildroot, before anything is run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.machine import lookup
from fromscratch.host.machine.package_data import shipped
from fromscratch.host.process import run
from fromscratch.host.storage.own_folders import OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.buildroot import config as configuration
from fromscratch.sources.buildroot import named_configs, named_files, variables
from fromscratch.sources.buildroot import tree as trees
from fromscratch.sources.buildroot.config import Wish
from fromscratch.sources.buildroot.make import Make
from fromscratch.sources.buildroot.make_paths import Folders
from fromscratch.sources.buildroot.named_configs import SHIPPED, NamedConfig, Places
from fromscratch.sources.buildroot.named_files import Reading
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.parts import hash_of, of_external, of_overrides, part
from fromscratch.sources.buildroot.platforms import merged_platform
from fromscratch.sources.buildroot.toolchain import host_tools, passwords
from fromscratch.sources.buildroot.toolchain import settings as toolchains
from fromscratch.sources.buildroot.toolchain.host_tools import HostTools
from fromscratch.sources.buildroot.toolchain.settings import Toolchain
from fromscratch.sources.buildroot.tree import Tree
from fromscratch.sources.contract import Context

BUILD_FOLDERS = ("buildroot", "buildroot-downloads")  # work folders of the store that builds go on in
_LAYOUT = "2"  # of fingerprints and workspaces: a change builds everything anew
_BY_PATH = (variables.OVERRIDES, variables.DOWNLOADS)  # of which only what lies there counts
_ONLY_STEERING = ("BR2_PRIMARY_SITE", "BR2_PRIMARY_SITE_ONLY", "BR2_DL_DIR", "BR2_JLEVEL", "BR2_CCACHE_DIR")


class Plan(Struct, frozen=True, kw_only=True):
    """`place` is the workspace: `output` is Buildroot's own, `settings` a scratch one for configurations.

    `parts` has a digest for each part of what is built besides the configuration; `config_files` are the files of
    `config:`; `configs` and `busybox_files` are what the recipe says of them, and `recipe_variables` what it adds to
    make's command line.
    """

    tree: Tree
    toolchain: Toolchain
    wish: Wish
    externals: tuple[Path, ...]
    config_files: tuple[NamedConfig, ...]
    parts: dict[str, str]
    configs: tuple[str, ...]
    busybox_files: frozenset[Path]
    fingerprint: str
    key: str
    place: Path
    downloads: Path
    make: Make
    recipe_variables: Mapping[str, str]

    @property
    def output(self) -> Path:
        return self.place / "output"


def plan(options: BuildrootOptions, context: Context, store: Store, *, fetching: bool) -> Plan:
    """Only `fetching` may use the network; otherwise raises NotFetched. Raises UsageError, MissingTool, ImageError."""
    tree, externals, config_files = _tree_and_configs(options, context, store, fetching=fetching)
    builds, sources = BUILD_FOLDERS
    folders = Folders(tree.path, bool(options.tree) and ":" not in tree.identity, externals, Path(), Path())
    toolchain = _toolchain(options, context, store, tree, config_files, folders)
    tools = host_tools.identify() if options.host_tools == "system" else None
    wish = configuration.wish(options, context.folder, context.platform, toolchain.settings, config_files)
    where = (str(context.folder), context.place, str(context.platform), options.host_tools)
    key = "\n".join((_LAYOUT, tree.place, toolchain.identity, *where))
    place = store.workspace(builds, key)
    folders = replace(folders, place=place, downloads=store.workspace(sources, "shared"))
    overrides = variables.users_overrides(options.make, wish, folders)
    of_recipe = variables.of_recipe(options.make, wish)
    found = {
        **tree.parts,
        **_parts_of_externals(externals, store, context.own, folders),
        **named_files.of_settings(
            [*wish.settings, *_of_make(options)], Reading(context.folder, folders, store, context.own)
        ),
        **_parts_of_make(options, overrides, tools, folders, store, context.own),
    }
    downloads = variables.downloads(options.make, wish, folders)
    of_tools, our_overrides = host_tools.lay_out(tools, place / "host-tools") if tools else ({}, "")
    our_overrides += passwords.lay_out(place / "host-tools", run.find("mkpasswd") if tools else None)
    of_driver = {
        variables.DOWNLOADS: str(downloads),
        **({"BR2_EXTERNAL": ":".join(map(str, externals))} if externals else {}),
        **({"BR2_DEFCONFIG": str(wish.defconfig)} if wish.defconfig else {}),
        **of_tools,
        **variables.override_file(our_overrides, overrides, place),
        **_ccache_variables(options, wish, store),
        **toolchain.variables,
        **of_recipe,
        **variables.busybox_fragments(wish, [path for path, _ in _fragment_files(wish, place)], of_recipe),
    }
    return Plan(
        tree=tree,
        toolchain=toolchain,
        wish=wish,
        externals=externals,
        config_files=config_files,
        parts=found,
        configs=tuple(options.configs),
        busybox_files=frozenset(context.folder / one for one in options.busybox if "\n" not in one),
        fingerprint=_fingerprint(context, tree, toolchain, wish, found),
        key=key,
        place=place,
        downloads=downloads,
        recipe_variables=of_recipe,
        make=_make(options, context, store, tree, toolchain, place, of_driver, int(wish.value(variables.JOBS) or 0)),
    )


def defconfig_platform(options: BuildrootOptions, context: Context, store: Store, *, bring: bool) -> Platform | None:
    """The platform that the defconfig of a recipe is for, with what the recipe sets over it; None without a defconfig.

    Raises as `plan` does.
    """
    if all(name in SHIPPED for name in options.configs):
        return None
    _, _, config_files = _tree_and_configs(options, context, store, fetching=bring)
    if not any(one.is_defconfig for one in config_files):
        return None
    of_files = (setting for one in config_files for setting in one.settings)
    return merged_platform([*of_files, *configuration.set_by(options)])


def _toolchain(
    options: BuildrootOptions,
    context: Context,
    store: Store,
    tree: Tree,
    config_files: Sequence[NamedConfig],
    folders: Folders,
) -> Toolchain:
    """The recipe's, which wins over that of a defconfig."""
    if options.toolchain is None and any(one.is_defconfig for one in config_files):
        said = kconfig.merge(setting for one in config_files for setting in one.settings).get(
            "BR2_TOOLCHAIN_EXTERNAL_PATH"
        )
        return toolchains.of_defconfig(folders.expanded(kconfig.unquoted(said.value)) if said else None, store)
    return toolchains.bring(options, tree, context.folder, context.platform, store, context.progress)


def _tree_and_configs(
    options: BuildrootOptions, context: Context, store: Store, *, fetching: bool
) -> tuple[Tree, tuple[Path, ...], tuple[NamedConfig, ...]]:
    """Buildroot itself, the external trees, and the files of `config:`, which may lie in any of them."""
    if fetching:
        tree = trees.bring(options, context.folder, store, context.progress, context.own)
    else:
        tree = trees.present(options, context.folder, store, context.own)
    externals = tuple(_external(name, context.folder) for name in options.externals)
    return tree, externals, named_configs.find(options.configs, Places(context.folder, externals, tree.path))


def _fingerprint(context: Context, tree: Tree, toolchain: Toolchain, wish: Wish, found: Mapping[str, str]) -> str:
    settings = "\n".join(one.line for one in wish.settings if one.name not in _ONLY_STEERING)
    return hash_of(
        _LAYOUT,
        tree.identity,
        toolchain.identity,
        str(context.platform),
        settings,
        *wish.busybox,
        str(sorted(found.items())),
    )


def _make(
    options: BuildrootOptions,
    context: Context,
    store: Store,
    tree: Tree,
    toolchain: Toolchain,
    place: Path,
    given: Mapping[str, str],
    jobs: int,
) -> Make:
    return Make(
        tree=tree,
        output=place / "output",
        variables=given,
        environment={
            configuration.FOLDER_VARIABLE: str(context.folder),
            configuration.CONFIGS_VARIABLE: str(shipped("buildroot-configs")),
            **(_host_ccache(place, store, toolchain) if options.toolchain == "host" else {}),
        },
        log=context.log or place / "build.log",
        jobs=options.jobs or jobs or context.jobs,
        offline=options.offline,
    )


def _host_ccache(place: Path, store: Store, toolchain: Toolchain) -> dict[str, str]:
    """For the compiler's wrapper of `toolchain: host`. The other toolchains' wrapper knows its compiler itself."""
    return {
        "CCACHE_DIR": str(store.root / "work" / "ccache"),
        "CCACHE_BASEDIR": str(place),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_DEPEND": "1",  # no preprocessing of its own: a first build takes hardly longer than without it
        # A package's generated headers are as new as its objects; their content is compared all the same.
        "CCACHE_SLOPPINESS": "include_file_ctime,include_file_mtime",
        # The wrapper is a script; its identity says which compiler it calls.
        "CCACHE_COMPILERCHECK": f"string:{hash_of(toolchain.identity)}",
        "CCACHE_CONFIGPATH": "/dev/null",
    }


def _ccache_variables(options: BuildrootOptions, wish: Wish, store: Store) -> dict[str, str]:
    """Buildroot's own ccache, for the toolchains whose compiler is not called through ours."""
    if not options.ccache or options.toolchain == "host":
        return {}
    if wish.value("BR2_CCACHE_DIR"):
        return {"BR2_CCACHE": "y"}
    return {"BR2_CCACHE": "y", "BR2_CCACHE_DIR": str(store.workspace("ccache-buildroot", "shared"))}


def write_busybox_fragments(plan: Plan) -> None:
    """Put BusyBox's fragments where make looks for them."""
    for path, text in _fragment_files(plan.wish, plan.place):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _fragment_files(wish: Wish, place: Path) -> list[tuple[Path, str]]:
    return [(place / "busybox" / f"{number}.config", text) for number, text in enumerate(wish.busybox)]


def _of_make(options: BuildrootOptions) -> list[Setting]:
    return [Setting(name, kconfig.quoted(value), "make:") for name, value in options.make.items()]


def _external(name: str, folder: Path) -> Path:
    path = (folder / lookup.expanded(name)).absolute()
    if not (path / "external.desc").is_file():
        raise UsageError(
            f"external: {name} is not an external tree: there is no {path / 'external.desc'}",
            "Buildroot's manual, 'Keeping customizations outside of Buildroot', says what belongs there",
        )
    return path


def _parts_of_externals(externals: Sequence[Path], store: Store, own: OwnFolders, folders: Folders) -> dict[str, str]:
    return {key: digest for top in externals for key, digest in of_external(top, store, own, folders).items()}


def _parts_of_make(
    options: BuildrootOptions,
    overrides: str,
    tools: HostTools | None,
    folders: Folders,
    store: Store,
    own: OwnFolders,
) -> dict[str, str]:
    """What the recipe adds to make, the user's file of overrides, and programs of this machine."""
    found = {part("variable", name): hash_of(value) for name, value in options.make.items() if name not in _BY_PATH}
    if tools is not None:
        found[part("image", "this machine's tools")] = hash_of(tools.identity)
    if overrides and (path := folders.expanded(overrides)) and path.is_file():
        text = path.read_text(errors="replace")
        found.update((f"{key}\t{path}", digest) for key, digest in of_overrides(text, folders, store, own).items())
    return found
