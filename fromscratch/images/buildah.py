"""`buildah:REF`: the images in buildah's storage, which is podman's too."""

import csv
import io
import json
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from fromscratch.advice import Setting, advice
from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, UsageError
from fromscratch.formats.docker.archive import docker_archive
from fromscratch.formats.oci.archive import oci_archive
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.oci.run_config import run_fields
from fromscratch.host.engines.buildah import Buildah
from fromscratch.host.engines.contract import Engine, Status
from fromscratch.host.engines.temporary_names import abandoned, temporary_name
from fromscratch.host.images.flattened import flattened, root_file
from fromscratch.host.storage.write_stream import write_stream
from fromscratch.images.engine import EngineImages, in_storage, stream_of, tidied
from fromscratch.limits import json_value
from fromscratch.model.image import Healthcheck, Image
from fromscratch.model.reference import Reference, full_name

_TEMPORARY = "fromscratch-"
_NO_LABEL_SINCE = (1, 26)
_LOAD_INSTEAD = advice("write it in another way, or import with ", Setting("via", "load"), ", which keeps any value")


class BuildahImages(EngineImages, frozen=True, kw_only=True):
    """An import is a container from the root's tar, its configuration, and a commit.

    `buildah add` would pack the root anew at the commit, with the kind of each file in the mode field
    of its header, and so with another diff_id. A container that begins with the tar as its base has
    that very tar as a layer, and one above it that is empty. Made of the same image by the same
    buildah, the result has the same digest, unless it needs docker's form.
    """

    engine: Buildah

    scheme: ClassVar[str] = "buildah:"
    example: ClassVar[str] = "buildah:hello:latest"
    kind: ClassVar[Callable[..., Engine]] = Buildah

    def _name(self, name: Reference) -> Reference:
        return in_storage(name)

    def _import(self, image: Image, name: Reference, state: Status) -> None:
        if image.config.args_escaped:  # buildah has no option for it
            with flattened(image, self.store, self.limits) as flat:
                self._load(flat, name, state)
            return
        container = f"{_TEMPORARY}{temporary_name()}"
        with root_file(image, self.store, self.limits) as (tar, diff_id):
            os.utime(tar, (image.created, image.created))  # buildah dates the base by it
            base = ""
            try:
                self._from(tar, container)
                base = self._configure(container, image)
                self.engine.call("commit", *_commit_flags(image, state), container, str(name))
            finally:
                tidied(partial(self._tidy, container, base, diff_id))

    def _sweep(self) -> None:
        with suppress(CommandFailed):
            listed = self.engine.call("containers", "--noheading", "--format", "{{.ContainerName}}").stdout
            for name in listed.decode("utf-8", "replace").split():
                if name.startswith(_TEMPORARY) and abandoned(name.removeprefix(_TEMPORARY)):
                    base = (self.engine.inspected(name, "container") or {}).get("FromImageID")
                    self.engine.call("rm", name, check=False)
                    self.engine.remove(*([base] if base else []))

    def _from(self, tar: Path, container: str) -> None:
        # The name of a folder could hold the colon that ends a path here.
        self.engine.call("from", "--quiet", "--name", container, f"tarball:{tar.name}", cwd=tar.parent)

    def _configure(self, container: str, image: Image) -> str:
        """Give the container its configuration; the answer is the ID of its base, which has no name.

        Raises UsageError for a value that becomes another on its way through buildah's options.
        """
        self.engine.call("config", *config_flags(image), container)
        record = self.engine.inspected(container, "container") or {}
        expected = run_fields(image.config)
        there = {key: value for key, value in record.get("Docker", {}).get("config", {}).items() if value}
        for key in sorted({*there, *expected}):
            if there.get(key) != expected.get(key):
                raise UsageError(f"buildah's config cannot hold what the image has as {key}", _LOAD_INSTEAD)
        return str(record.get("FromImageID") or "")

    def _tidy(self, container: str, base: str, diff_id: Digest) -> None:
        self.engine.call("rm", container, check=False)
        self.engine.remove(*([base] if base else self._bases(diff_id)))

    def _bases(self, diff_id: Digest) -> list[str]:
        """What a step that was stopped may have made of the root's tar."""
        images = {image: self.engine.inspected(image) or {} for image in self._dangling()}
        return [
            image for image, record in images.items() if _is_base(json_value(record.get("Config") or "{}"), diff_id)
        ]

    def _load(self, image: Image, name: Reference, state: Status) -> None:
        # Either form keeps the configuration as it is; podman looks for health checks in docker's alone.
        if image.config.needs_docker_form:
            form, pieces = "docker", docker_archive(image, name, self.limits)
        else:
            form, pieces = "oci", oci_archive([image], tag=name.tag, name=full_name(name), limits=self.limits)
        platform = image.platform
        variant = [f"--variant={platform.variant}"] if platform.variant else []
        flags = ["--quiet", f"--os={platform.os}", f"--arch={platform.architecture}", *variant]
        with self.store.temporary() as path:
            with stream_of(pieces) as archive:
                write_stream(path, archive)
            try:
                self.engine.call("pull", *flags, f"{form}-archive:{path.name}", cwd=path.parent)
            except BaseException:
                tidied(partial(self._remove_unnamed, image_documents(image).config_descriptor.digest))
                raise

    def _remove_unnamed(self, image: Digest) -> None:
        """Remove the image with this configuration if it has no name: a pull that is stopped may not have given it."""
        if str(image) in self._dangling():
            self.engine.remove(image.hex)

    def _dangling(self) -> list[str]:
        """The IDs of images without a name, such as steps that were stopped have left."""
        words = ("images", "--all", "--quiet", "--no-trunc", "--filter", "dangling=true")
        return self.engine.call(*words, check=False).stdout.decode().split()


def config_flags(image: Image) -> Iterator[str]:
    """The options of `buildah config` that give a container without any the configuration of the image."""
    config, platform = image.config, image.platform
    yield from (f"--os={platform.os}", f"--arch={platform.architecture}", "--created-by=fromscratch")
    if platform.variant:
        yield f"--variant={platform.variant}"
    if image.author:
        yield f"--author={image.author}"
    for key, value in image.annotations.items():
        yield f"--annotation={key}={value}"
    for key, value in config.env.items():
        yield f"--env={key}={value.replace('$', '$$')}"  # it expands variables, and knows none of the name $
    yield from (f"--label={key}={value}" for key, value in config.labels.items())
    yield from (f"--port={port}" for port in config.exposed_ports)
    yield from (f"--volume={_listed(path)}" for path in config.volumes)
    yield from (f"--onbuild={_listed(trigger)}" for trigger in config.on_build)
    for flag, text in (("user", config.user), ("workingdir", config.working_dir), ("stop-signal", config.stop_signal)):
        if text:
            yield f"--{flag}={text}"
    if config.shell:
        yield f"--shell={shlex.join(config.shell)}"
    for flag, words in (("entrypoint", config.entrypoint), ("cmd", config.cmd)):
        if words:
            yield f"--{flag}={json.dumps(list(words), ensure_ascii=False)}"
    if config.healthcheck:
        yield from _health_flags(config.healthcheck)


def _health_flags(check: Healthcheck) -> Iterator[str]:
    yield f"--healthcheck={shlex.join(check.test)}"
    times = {"interval": check.interval, "timeout": check.timeout, "start-period": check.start_period}
    yield from (f"--healthcheck-{flag}={nanoseconds}ns" for flag, nanoseconds in times.items())
    if check.start_interval:
        yield f"--healthcheck-start-interval={check.start_interval}ns"
    yield f"--healthcheck-retries={check.retries}"


def _listed(value: str) -> str:
    """One value of an option that takes several, divided by commas as CSV has it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([value])
    return line.getvalue()


def _commit_flags(image: Image, state: Status) -> list[str]:
    form = "docker" if image.config.needs_docker_form else "oci"
    unlabelled = ["--identity-label=false"] if state.numbers >= _NO_LABEL_SINCE else []
    return ["--quiet", f"--format={form}", f"--timestamp={image.created}", *unlabelled]


def _is_base(config: dict[str, Any], diff_id: Digest) -> bool:
    """Whether it is what `buildah from` makes of the tar of this digest."""
    history = config.get("history") or [{}]
    layers = (config.get("rootfs") or {}).get("diff_ids")
    return history[0].get("comment") == "imported from tarball" and layers == [str(diff_id)]
