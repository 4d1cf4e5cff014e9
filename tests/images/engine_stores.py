"""What lies in an engine's store, asked with the engine's own program, not through what is tested."""

from pathlib import Path

from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.archives import read_archive
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Image

_DOCKER = ("image", "ls", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
_EVERYTHING = {
    "docker": [(*_DOCKER, "--all", "--no-trunc"), ("container", "ls", "--all", "--quiet")],
    "podman": [(*_DOCKER, "--all", "--no-trunc"), ("container", "ls", "--all", "--external", "--quiet")],
    "buildah": [
        ("images", "--all", "--no-trunc", "--format", "{{.Name}}:{{.Tag}} {{.ID}}"),
        ("containers", "--all", "--quiet"),
    ],
    "containerd": [
        ("images", "ls"),
        ("content", "ls", "--quiet"),
        ("snapshots", "ls"),
        ("leases", "ls", "--quiet"),
        ("containers", "ls", "--quiet"),
    ],
}


def output_of(of: Engine, *words: str) -> str:
    return of.call(*words).stdout.decode()


def everything_in(of: Engine) -> list[str]:
    """Every image, in-between ones and those without a name too, and every container. (Of containerd, its blobs.)"""
    lines = [line for words in _EVERYTHING[of.kind] for line in output_of(of, *words).splitlines()]
    return sorted(lines)


def images_of(of: Engine) -> list[str]:
    """Every image that has a name, with its ID."""
    return sorted(line for line in everything_in(of) if "sha256:" in line and not line.startswith(("<none>", "sha256")))


def saved(of: Engine, name: str, folder: Path) -> Image:
    """The image as the engine gives it back."""
    path = folder / "saved.tar"
    path.unlink(missing_ok=True)
    kinds = {"buildah": ("push", "-q", name, f"docker-archive:{path}"), "containerd": ("images", "export", path, name)}
    words = kinds.get(of.kind, ("save", "--output", str(path), name))
    of.call(*map(str, words))
    (image,) = read_archive(path, Store(folder / "saved"))
    return image
