"""The verbs that talk to registries: push, pull."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fromscratch.cli import streams
from fromscratch.cli.call import Call
from fromscratch.cli.verb import CHOSEN, verb
from fromscratch.cli.wording import FORMS
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.host.registry.access import Access
    from fromscratch.host.registry.push import Pushed
    from fromscratch.model.reference import Reference

_PLAIN = "ask the registry without TLS (which a registry of this machine may do without being told)"
_CA = "FILE in the form PEM with an authority that may sign the registry's certificate, besides the usual ones"
_FOLDER = Path("pulled")
_MEGABYTE = 1_000_000


@verb(
    operand="ref",
    repeated=("also_tag", "mount_from"),
    delivers=True,
    help={
        "ref": "where to: HOST/PATH[:TAG]",
        "image": "another image than the recipe's build: a name, or one with its kind, such as oci:DIR",
        "platform": CHOSEN,
        "also_tag": "TAG, one more for the same image; may be given several times",
        "mount_from": "PATH, a repository of the same registry that has some of the layers; may be given several times",
        "plain_http": _PLAIN,
        "ca": _CA,
        "chunk_size": "send blobs in pieces of so many MB (default: in one, and smaller if that fails)",
        "json": "what was pushed, for a program to read",
    },
)
def push(
    call: Call,
    ref: str | None = None,
    image: str | None = None,
    also_tag: tuple[str, ...] = (),
    mount_from: tuple[str, ...] = (),
    plain_http: bool = False,
    ca: str | None = None,
    chunk_size: str | None = None,
    json: bool = False,
) -> None:
    """Bring the image, for every platform that it has, into a registry; no daemon is needed."""
    from fromscratch.cli.target import all_images
    from fromscratch.host.registry.address import reference_of
    from fromscratch.images.registry import RegistrySink

    if not ref:
        raise UsageError("push needs the name of what it makes", "say push HOST/PATH:TAG, as in localhost:5000/hello:1")
    _check_repositories(mount_from or (), reference_of(ref))
    sink = RegistrySink(
        store=call.store,
        access=_access(call, plain_http, ca, chunk_size),
        tags=tuple(also_tag or ()),
        mount_from=tuple(mount_from or ()),
        progress=call.progress,
    )
    pushed = sink.push(all_images(call, image), ref)
    call.result(_facts(pushed), _told(pushed), json)


@verb(
    operand="ref",
    without=("recipe",),
    help={
        "ref": "which image: HOST/PATH[:TAG][@DIGEST], or docker://NAME",
        "to": f"one of {', '.join(FORMS)} (default: oci)",
        "output": f"the FILE, or for oci the DIR, to write (default: {_FOLDER}/HOST/PATH); - is standard output",
        "platform": "linux/ARCH[,linux/ARCH] to pull (default: all that there are)",
        "plain_http": _PLAIN,
        "ca": _CA,
        "json": "what was pulled, for a program to read",
    },
)
def pull(
    call: Call,
    ref: str | None = None,
    to: str = "oci",
    output: str | None = None,
    plain_http: bool = False,
    ca: str | None = None,
    json: bool = False,
) -> None:
    """Bring an image out of a registry, for every platform that it has; no daemon is needed."""
    from fromscratch.flow import assembly
    from fromscratch.host.registry.address import reference_of
    from fromscratch.host.registry.pull import pull_from
    from fromscratch.images.catalogue import file_sink

    if not ref:
        raise UsageError("pull needs the name of an image", "say pull HOST/PATH:TAG, as in docker.io/library/busybox:1")
    if to not in FORMS:
        raise UsageError(f"--to {to}: no such form", f"say one of: {', '.join(FORMS)}")
    if to != "oci" and not output:
        raise UsageError(
            f"pull --to {to} needs a file to write", f"say --output FILE, such as --output image.{_end(to)}"
        )
    reference = reference_of(ref)
    place = Path(streams.place(output, to, json=json)) if output else _folder(reference)
    access = _access(call, plain_http, ca)
    top, images = pull_from(ref, call.store, call.progress, access=access, platforms=call.platforms)
    receipt = assembly.deliver(images, file_sink(to, place, call.store), _name(reference, to))
    if str(place) == streams.STDOUT:
        return
    data = {
        "reference": f"docker://{reference}",
        "digest": str(top.digest),
        "platforms": [str(image.platform) for image in images],
        "image": receipt.reference,
    }
    call.result(data, f"pulled {reference} ({top.digest}) -> {receipt.reference}", json)


def _access(call: Call, plain_http: bool, ca: str | None, chunk_size: str | None = None) -> "Access":
    from fromscratch.host.registry.access import Access

    chunk = chunk_size or "0"
    if not (chunk.isascii() and chunk.isdigit() and len(chunk) < 7) or (chunk_size and not int(chunk)):
        raise UsageError(f"--chunk-size {chunk_size:.40} is no number of megabytes", "say a whole number, such as 50")
    return Access(
        plain_http=plain_http,
        ca=Path(ca) if ca else None,
        chunk_size=int(chunk) * _MEGABYTE,
        environment=dict(call.environment),
    )


def _check_repositories(paths: Sequence[str], to: "Reference") -> None:
    """Raises UsageError: to the registry, what is none would be one that it has nothing of, and no word is said."""
    from fromscratch.model.reference import Reference

    for path in paths:
        try:
            found = Reference.parse(f"host.invalid/{path}")
        except UsageError:
            found = None
        if found is None or found.path != path or path.startswith(f"{to.host}/"):
            raise UsageError(
                f"--mount-from {path} is no repository of {to.host or 'docker.io'}",
                "say its path alone, without host and tag, such as team/hello",
            )


def _facts(pushed: "Pushed") -> dict[str, object]:
    return {
        "reference": f"docker://{pushed.reference}",
        "digest": str(pushed.digest),
        "tags": list(pushed.tags),
        "blobs": {how.name.lower(): pushed.arrivals[how] for how in type(next(iter(pushed.arrivals)))},
        "bytes": pushed.sent,
    }


def _told(pushed: "Pushed") -> str:
    counts = ", ".join(f"{count} {how.value}" for how, count in pushed.arrivals.items() if count)
    also = f", also as {', '.join(pushed.tags[1:])}" if pushed.tags[1:] else ""
    return f"pushed {pushed.reference} ({pushed.digest}){also}: {counts}, {pushed.sent / 1e6:.1f} MB"


def _folder(reference: "Reference") -> Path:
    """A folder of its own for each repository: tags of one share a layout. A colon would begin a tag."""
    from fromscratch.host.registry.address import Place

    place = Place.of(reference)
    return _FOLDER / place.registry.replace(":", "+") / place.repository


def _name(reference: "Reference", form: str) -> str:
    """What a form calls what was pulled: a layout by the tag alone. Without a tag, an archive of docker's has one."""
    if form == "oci" or (form == "oci-archive" and not reference.tag):
        return reference.tag or ""
    return f"{reference.repository}:{reference.tag or 'latest'}"


def _end(form: str) -> str:
    return "aci" if form == "aci" else "tar"
