"""Every transport by the scheme that names its images. A new one is one line here, and one file beside.

Help, completion and messages need to know which there are, and a call one or two of them: so they are named here,
and imported when they are used.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from fromscratch.images.contract import Transport


class Line(NamedTuple):
    """`operand` is what follows the scheme, for help; `transport` the class, as MODULE:CLASS.

    `role`: "form": `pack` writes it; "engine": `import` does, and "runner" if `run` can start images in it too;
    "registry": where names of hosts lead to. Without `reads`, it is only written.
    """

    scheme: str
    operand: str
    transport: str
    role: Literal["form", "engine", "runner", "registry", ""] = ""
    reads: bool = True

    @property
    def word(self) -> str:
        """What a form or an engine is called where nothing follows."""
        return self.scheme.removesuffix(":")

    @property
    def usage(self) -> str:
        return f"{self.scheme}{self.operand}"


# Engines are in the order in which they are tried where the call names none.
TRANSPORTS: tuple[Line, ...] = (
    Line("tar:", "FILE", "fromscratch.images.tar:RootTar", "form"),
    Line("oci:", "DIR[:TAG]", "fromscratch.images.oci_layout:OciLayout", "form"),
    Line("oci-archive:", "FILE[:TAG]", "fromscratch.images.oci_archive:OciArchive", "form"),
    Line("docker-archive:", "FILE[:NAME]", "fromscratch.images.docker_archive:DockerArchive", "form"),
    Line("aci:", "FILE", "fromscratch.images.aci:Aci", "form", reads=False),
    Line("dir:", "DIR", "fromscratch.images.dir:RootFolder"),
    Line("docker:", "REF", "fromscratch.images.docker:DockerImages", "runner"),
    Line("podman:", "REF", "fromscratch.images.podman:PodmanImages", "runner"),
    Line("buildah:", "REF", "fromscratch.images.buildah:BuildahImages", "engine"),
    Line("containerd:", "REF", "fromscratch.images.containerd:ContainerdImages", "runner"),
    Line("docker://", "REF", "fromscratch.images.registry:RegistryImages", "registry"),
)


def forms() -> tuple[str, ...]:
    """What `pack` can write."""
    return tuple(line.word for line in TRANSPORTS if line.role == "form")


def engines() -> tuple[str, ...]:
    """The engines, in the order in which they are tried where the call names none."""
    return tuple(line.word for line in TRANSPORTS if line.role in ("engine", "runner"))


def runners() -> tuple[str, ...]:
    """Those of them that start images."""
    return tuple(line.word for line in TRANSPORTS if line.role == "runner")


def readable() -> tuple[Line, ...]:
    """The transports that images are read from."""
    return tuple(line for line in TRANSPORTS if line.reads)


def registry() -> Line:
    """The transport of what a bare name with a host is looked for in."""
    return next(line for line in TRANSPORTS if line.role == "registry")


def of_name(name: str) -> Line | None:
    """The transport whose scheme a name begins with; the longest, since docker:// begins with docker: too."""
    fitting = [line for line in TRANSPORTS if name.startswith(line.scheme)]
    return max(fitting, key=lambda line: len(line.scheme), default=None)


def load(line: Line) -> "type[Transport]":
    """The class of a transport."""
    module, _, name = line.transport.partition(":")
    kind: type[Transport] = getattr(import_module(module), name)
    return kind


def by_word(word: str) -> "type[Transport]":
    """The class of a form or an engine. The word is one of `forms` or `engines`."""
    return load(next(line for line in TRANSPORTS if line.word == word and line.role))


def alternatives(words: Sequence[str]) -> str:
    """`one, two or three`, for a message."""
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
