"""What a recipe may say under `binaries:`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fromscratch.transforms.placement import check_paths

Scripts = Literal["auto", "none"]
_SCRIPTS = "auto: what the programs load, and the whole library where there is none"


class BinariesOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Programs and libraries with everything that they need, found by the loader's rules and executing nothing.

    What the items above have already is used; the rest comes from this machine, or from `root`.
    """

    paths: Annotated[
        list[str], Meta(description="programs, libraries, scripts: FILE keeps its path, FILE:/DEST moves it")
    ] = []
    add: Annotated[list[str], Meta(description="further files and folders, as PATH or PATH:/DEST")] = []
    stage: Annotated[list[str], Meta(description="staged install trees (DESTDIR), each taken whole")] = []
    root: Annotated[str, Meta(description="a sysroot to take libraries from, instead of this machine")] = "/"
    search: Annotated[
        list[str],
        Meta(
            description="LD_LIBRARY_PATH of the image, which image.env sets; DIR:/DEST: a folder of this machine"
            " whose libraries lie at /DEST in the image"
        ),
    ] = []
    preload: Annotated[list[str], Meta(description="objects for /etc/ld.so.preload of the image")] = []
    allow_missing: Annotated[
        list[str], Meta(description="globs of names that may stay missing, such as libcuda.so.*")
    ] = []
    commands: Annotated[bool, Meta(description="take the programs that shell scripts call")] = False
    shell: Annotated[
        Literal["auto", "always", "none"],
        Meta(description="auto takes /bin/sh for programs that run shell commands, and offers it to others"),
    ] = "auto"
    plugins: Annotated[list[str], Meta(description="globs of files that the programs load by themselves")] = []
    data: Annotated[
        Literal["auto", "none"],
        Meta(
            description="auto: what programs and libraries name in constant data, as far as it is of their own packages"
        ),
    ] = "auto"
    hwcaps: Annotated[
        Literal["baseline", "all"],
        Meta(description="all takes the libraries of glibc-hwcaps beside those for any processor"),
    ] = "baseline"
    dlopen: Annotated[
        Literal["all", "notes", "none"],
        Meta(description="all follows the names in read-only data as well as dlopen notes"),
    ] = "all"
    nss: Annotated[
        Literal["auto", "tree", "none"],
        Meta(
            description="auto: of files and dns if names are looked up and there is none above; tree: that of the root"
        ),
    ] = "auto"
    gconv: Annotated[list[str], Meta(description="character sets for iconv, such as UTF-16, or all")] = []
    locales: Annotated[list[str], Meta(description="locales such as de_DE.UTF-8")] = []
    utf8: Annotated[
        Literal["auto", "none"],
        Meta(description="auto takes C.UTF-8, and sets LANG to it, for programs whose text depends on the locale"),
    ] = "auto"
    messages: Annotated[bool, Meta(description="the translations of these locales too")] = False
    tzdata: Annotated[list[str], Meta(description="zones such as Europe/Berlin, or all")] = []
    localtime: Annotated[bool, Meta(description="take /etc/localtime")] = False
    certificates: Annotated[
        Literal["auto", "always", "hashes", "none"],
        Meta(description="auto takes the CA bundle if there is a TLS library; hashes takes the single ones too"),
    ] = "auto"
    python: Annotated[
        Literal["auto", "imports", "whole", "none"],
        Meta(
            description="auto: what the programs import, and the whole library where there is none; or one of the two"
        ),
    ] = "auto"
    perl: Annotated[Scripts, Meta(description=_SCRIPTS)] = "auto"
    ruby: Annotated[Scripts, Meta(description=_SCRIPTS)] = "auto"
    node: Annotated[Scripts, Meta(description=_SCRIPTS)] = "auto"
    languages: Annotated[
        Scripts,
        Meta(description="auto: what interpreters of other languages load, such as Lua, Tcl, PHP, R and Erlang"),
    ] = "auto"
    java: Annotated[
        Literal["auto", "desktop", "none"],
        Meta(description="auto takes the runtime that java belongs to; desktop what draws windows too"),
    ] = "auto"
    traces: Annotated[
        list[str],
        Meta(description="traces of runs on this machine: what they used is taken, but for the machine's own"),
    ] = []
    recorded: Annotated[
        list[str],
        Meta(description="globs of files that a trace names and that are taken though they are the machine's"),
    ] = []
    package: Annotated[bool, Meta(description="take the other files of the packages that own what is asked for")] = (
        False
    )
    packages: Annotated[
        list[str], Meta(description="names of packages of the root, by dpkg or apk, whose files are taken whole")
    ] = []
    etc: Annotated[
        Literal["auto", "none"], Meta(description="auto writes passwd, group and /tmp where the items above have none")
    ] = "auto"
    account: Annotated[
        str,
        Meta(
            description="UID or UID:GID of the user who runs the programs, to be in passwd and group by etc: auto",
            pattern=r"^([0-9]{1,10}(:[0-9]{1,10})?)?$",
        ),
    ] = ""
    ld_cache: Annotated[
        Literal["auto", "always", "never"],
        Meta(description="auto writes /etc/ld.so.cache if a library would not be found without"),
    ] = "auto"

    def __post_init__(self) -> None:
        if not (self.paths or self.add or self.stage):
            raise ValueError("it names nothing to take: say paths, add or stage")
        for key in ("paths", "add", "stage", "search", "preload", "allow_missing", "plugins", "traces", "recorded"):
            if "" in getattr(self, key):
                raise ValueError(f"{key}: '' names nothing")
        if not self.root:
            raise ValueError("root: '' names no folder")
        for key, texts in (("paths", self.paths), ("add", self.add)):
            check_paths(key, [destination for _, destination in map(split, texts) if destination is not None])
        check_paths("plugins", self.plugins)
        check_paths("recorded", self.recorded)
        check_paths("allow_missing", self.allow_missing)
        check_paths("search", self.search_folders())
        for text, folder in zip(self.search, self.search_folders(), strict=True):
            if not folder.startswith("/") or ":" in folder or (folder == text and ":" in text):
                raise ValueError(f"search: {text!r} is not a folder of the image; write each as /DIR, or DIR:/DEST")
        for text in self.preload:
            if any(char.isspace() or char == ":" for char in text):  # as ld.so takes the file apart
                raise ValueError(f"preload: {text!r} is not a name of one object; write each by itself")

    def search_folders(self) -> list[str]:
        """The folders of the image that `search` names."""
        return [destination or path for path, destination in map(split, self.search)]


def label(options: BinariesOptions) -> str:
    """What messages and origins call an item with these options: its kind, and the first that it names."""
    return f"binaries {next(iter((*options.paths, *options.stage, *options.add)))}"


def split(text: str) -> tuple[str, str | None]:
    """PATH and DEST of PATH:/DEST; None for a bare path."""
    path, colon, destination = text.rpartition(":/")
    return (path, f"/{destination}") if colon and path else (text, None)
