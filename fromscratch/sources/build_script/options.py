"""What a recipe may say under `build_script:`."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.transforms.placement import check_paths, parse_modes, parse_owner

_SCHEMES = ("https://", "http://", "file://")


class ScriptSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a script builds: a folder, a file or an archive of this machine, or one at an address."""

    path: Annotated[str, Meta(description="a folder, file or archive of this machine; relative to the recipe")] = ""
    url: Annotated[str, Meta(description="where to download a file or archive from; needs sha256")] = ""
    sha256: Annotated[str, Meta(description="the digest of the file, as it is downloaded")] = ""
    git: Annotated[str, Meta(description="the address of a git repository; needs commit")] = ""
    commit: Annotated[str, Meta(description="the whole id of the commit to take of it")] = ""
    into: Annotated[str, Meta(description="the folder, or for a file the name, below the sources where it lands")] = ""
    unpack: Annotated[bool, Meta(description="whether an archive is unpacked")] = True
    strip: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="how many leading folders to take off an archive's names (default: the one that has all)"),
    ] = None
    exclude: Annotated[list[str], Meta(description="globs of paths to leave out, besides .git and the like")] = []

    def __post_init__(self) -> None:
        given = [key for key in ("path", "url", "git") if getattr(self, key)]
        if len(given) != 1:
            which = " and ".join(f"{key}:" for key in given) or "none of them"
            raise ValueError(f"write one of path:, url: and git:, not {which}")
        if bool(self.git) != bool(self.commit):
            raise ValueError("git: and commit: belong together, so that the same recipe gives the same image")
        if self.commit and not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", self.commit):
            raise ValueError(f"commit: {self.commit!r} is not a whole id; write all of what git rev-parse prints")
        if self.url and not self.url.lower().startswith(_SCHEMES):
            raise ValueError(f"url: {str(Address(self.url))!r} is not an address; write it as https://HOST/FILE")
        if self.url and not self.sha256:
            raise ValueError(
                "a url needs a sha256, so that the same recipe gives the same image; "
                f"write what this says: curl -L {Address(self.url)} | sha256sum"
            )
        if self.sha256:
            try:
                digest = Digest.parse(self.sha256)
            except FormatError as error:
                raise ValueError(f"sha256: {error.message}; {error.hint}") from error
            if digest.algorithm != "sha256":
                raise ValueError(f"sha256: {self.sha256!r} is of another kind; write what sha256sum prints")
        check_paths("exclude", self.exclude)
        if self.into:
            check_paths("into", [self.into])


class BuildScriptOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Programs built by commands of the recipe, with this machine's compilers; what they install is taken.

    The script runs in the folder of its sources, without network, as a user without rights. What it puts below $DESTDIR
    is taken.
    """

    script: Annotated[
        str,
        Meta(
            description="commands for /bin/sh -e, or for the program that its first line names after #!", min_length=1
        ),
    ]
    source: Annotated[
        str | ScriptSource | list[ScriptSource],
        Meta(description="a path, or {path: …} or {url: …, sha256: …}, or a list of them; none: an empty folder"),
    ] = []
    image: Annotated[
        str,
        Meta(description="an image whose programs the script has in place of this machine's, as under rootfs: image:"),
    ] = ""
    needs: Annotated[list[str], Meta(description="programs that the script calls, looked for before it starts")] = []
    tools: Annotated[
        list[str],
        Meta(description="further folders of this machine that the script may read, as /opt/go; their bin is in PATH"),
    ] = []
    env: Annotated[dict[str, str], Meta(description="variables, besides those that each script gets")] = {}
    take: Annotated[list[str], Meta(description="globs of what to take of what was installed (default: all)")] = []
    exclude: Annotated[list[str], Meta(description="globs of installed paths to leave out")] = []
    owner: Annotated[str, Meta(description="UID:GID of everything that is taken")] = "0:0"
    modes: Annotated[dict[str, str], Meta(description='octal modes for installed paths, such as /bin/su: "4755"')] = {}
    into: Annotated[str, Meta(description="where in the image the installed root lands")] = "/"

    def __post_init__(self) -> None:
        for name in self.needs:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
                raise ValueError(f"needs: {name!r} is not the name of a program; write it as gcc, without a path")
        for name in self.env:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"env: {name!r} is not a name of a variable")
        if self.image and self.tools:
            raise ValueError("tools: a script has the programs of image: or those of this machine; write one of them")
        if "\0" in self.script:
            raise ValueError("script: it holds a NUL byte")
        if parse_owner(self.owner) is None:
            raise ValueError(
                "owner: the one that a build has means nothing in an image; write two numbers, such as 0:0"
            )
        parse_modes(self.modes)
        check_paths("take", self.take)
        check_paths("exclude", self.exclude)
        if self.into != "/":
            check_paths("into", [self.into])

    def sources(self) -> list[ScriptSource]:
        """What is built, each in its written-out form."""
        if isinstance(self.source, str):
            return [ScriptSource(path=self.source)]
        return [self.source] if isinstance(self.source, ScriptSource) else list(self.source)
