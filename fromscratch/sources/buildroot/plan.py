"""All that one item of a recipe means for Buildroot, before anything is run."""

import hashlib
import os
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
from fromscratch.sources.buildroot import named_configs, variables
from fromscratch.sources.buildroot import tree as trees
from fromscratch.sources.buildroot.config import Wish
from fromscratch.sources.buildroot.content import content_digest
from fromscratch.sources.buildroot.make import Make
from fromscratch.sources.buildroot.make_paths import Folders
from fromscratch.sources.buildroot.named_configs import SHIPPED, NamedConfig, Places
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.platforms import merged_platform
from fromscratch.sources.buildroot.toolchain import host_tools, passwords
from fromscratch.sources.buildroot.toolchain import settings as toolchains
from fromscratch.sources.buildroot.toolchain.settings import Toolchain
from fromscratch.sources.buildroot.tree import Tree
from fromscratch.sources.contract import Context

BUILD_FOLDERS = ("buildroot", "buildroot-downloads")  # work folders of the store that builds go on in
_LAYOUT = "1"  # of fingerprints and workspaces: a change builds everything anew
_ONLY_STEERING = ("BR2_PRIMARY_SITE", "BR2_PRIMARY_SITE_ONLY", "BR2_DL_DIR", "BR2_JLEVEL", "BR2_CCACHE_DIR")


class Plan(Struct, frozen=True, kw_only=True):
    """`place` is the workspace: `output` is Buildroot's own, `settings` a scratch one for configurations.

    `external` has a digest for each package of external trees, `rest` a digest of what is not distinguished further;
    `config_files` are the files of `config:`; `configs` and `busybox_files` are what the recipe says of them, and
    `recipe_variables` what it adds to make's command line.
    """

    tree: Tree
    toolchain: Toolchain
    wish: Wish
    externals: tuple[Path, ...]
    config_files: tuple[NamedConfig, ...]
    external: dict[str, str]
    rest: str
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
    tree = _tree(options, context, store, fetching=fetching)
    externals = tuple(_external(name, context.folder) for name in options.externals)
    config_files = named_configs.find(options.configs, Places(context.folder, externals, tree.path))
    builds, sources = BUILD_FOLDERS
    folders = Folders(tree.path, bool(options.tree) and ":" not in tree.identity, externals, Path(), Path())
    toolchain = _toolchain(options, context, store, tree, config_files, folders)
    tools = host_tools.identify() if options.host_tools == "system" else None
    wish = configuration.wish(options, context.folder, context.platform, toolchain.settings, config_files)
    external = _external_digests(externals, store, context.own)
    where = (str(context.folder), context.place, str(context.platform), options.host_tools)
    key = "\n".join((_LAYOUT, tree.identity, toolchain.identity, *where))
    place = store.workspace(builds, key)
    folders = replace(folders, place=place, downloads=store.workspace(sources, "shared"))
    overrides = variables.users_overrides(options.make, wish, folders)
    of_recipe = variables.of_recipe(options.make, wish)
    rest = _hash(
        _LAYOUT,
        configuration.referenced([*wish.settings, *_of_make(options)], context.folder, store, folders, context.own),
        tools.identity if tools else "",
        *(f"{name}={value}" for name, value in sorted(options.make.items())),
    )
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
        external=external,
        rest=rest,
        configs=tuple(options.configs),
        busybox_files=frozenset(context.folder / one for one in options.busybox if "\n" not in one),
        fingerprint=_fingerprint(context, tree, toolchain, wish, external, rest),
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
    tree = _tree(options, context, store, fetching=bring)
    externals = tuple(_external(name, context.folder) for name in options.externals)
    config_files = named_configs.find(options.configs, Places(context.folder, externals, tree.path))
    if not any(one.is_defconfig for one in config_files):
        return None
    over = [Setting(name, kconfig.value_of(value), f"set: {name}") for name, value in options.set.items()]
    return merged_platform([*(setting for one in config_files for setting in one.settings), *over])


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


def _tree(options: BuildrootOptions, context: Context, store: Store, *, fetching: bool) -> Tree:
    if fetching:
        return trees.bring(options, context.folder, store, context.progress, context.own)
    return trees.present(options, context.folder, store, context.own)


def _fingerprint(
    context: Context, tree: Tree, toolchain: Toolchain, wish: Wish, external: Mapping[str, str], rest: str
) -> str:
    settings = "\n".join(one.line for one in wish.settings if one.name not in _ONLY_STEERING)
    return _hash(
        tree.identity,
        toolchain.identity,
        str(context.platform),
        settings,
        *wish.busybox,
        str(sorted(external.items())),
        rest,
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
        environment=_environment(context.folder, place, store, toolchain),
        log=context.log or place / "build.log",
        jobs=options.jobs or jobs or context.jobs,
        offline=options.offline,
    )


def _environment(folder: Path, place: Path, store: Store, toolchain: Toolchain) -> dict[str, str]:
    return {
        configuration.FOLDER_VARIABLE: str(folder),
        configuration.CONFIGS_VARIABLE: str(shipped("buildroot-configs")),
        # For the compiler's wrapper of toolchain: host.
        "CCACHE_DIR": str(store.root / "work" / "ccache"),
        "CCACHE_BASEDIR": str(place),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_DEPEND": "1",  # no preprocessing of its own: a first build takes hardly longer than without it
        # A package's generated headers are as new as its objects; their content is compared all the same.
        "CCACHE_SLOPPINESS": "include_file_ctime,include_file_mtime",
        "CCACHE_COMPILERCHECK": f"string:{_hash(toolchain.identity)}",
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


def _external_digests(externals: tuple[Path, ...], store: Store, own: OwnFolders) -> dict[str, str]:
    """A digest for each folder package/NAME, and one of all else under the empty name."""
    digests: dict[str, str] = {}
    others = []
    for top in externals:
        ours = own.names(top)
        for entry in sorted(each for each in top.iterdir() if each.name not in ours):
            packages = sorted(entry.iterdir()) if entry.name == "package" and entry.is_dir() else [entry]
            for path in packages:
                if path.name == ".git":
                    continue
                digest = content_digest(path, store, besides=own.names(path))
                if path is not entry and path.is_dir():
                    digests[path.name] = _hash(digests.get(path.name, ""), digest)
                else:
                    others.append(f"{path.name} {digest}")
    if externals:
        digests[""] = _hash(*others)
    return digests


def _hash(*texts: str) -> str:
    whole = hashlib.sha256()
    for text in texts:
        raw = os.fsencode(text)
        whole.update(b"%d\n" % len(raw) + raw)
    return whole.hexdigest()
