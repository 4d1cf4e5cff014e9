"""Changes to an existing image: its configuration and its annotations, with the layers that are put on top."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.model.image import Healthcheck, Image, Platform, RunConfig


class Pairs(Struct, frozen=True):
    """Changes to a mapping such as the environment: first it is cleared, then names go, then values are set."""

    put: Mapping[str, str] = {}
    remove: tuple[str, ...] = ()
    clear: bool = False

    def __bool__(self) -> bool:
        return bool(self.put or self.remove or self.clear)

    def of(self, present: Mapping[str, str]) -> dict[str, str]:
        """The mapping after the changes; what is replaced keeps its place."""
        others = {} if self.clear else {name: value for name, value in present.items() if name not in self.remove}
        return {**others, **self.put}


class Words(Struct, frozen=True):
    """The same of a list without order, such as ports."""

    put: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    clear: bool = False

    def __bool__(self) -> bool:
        return bool(self.put or self.remove or self.clear)

    def of(self, present: Iterable[str]) -> tuple[str, ...]:
        """The list after the changes, sorted as configurations have it."""
        others = set() if self.clear else set(present) - set(self.remove)
        return tuple(sorted(others | set(self.put)))


class HealthChange(Struct, frozen=True, kw_only=True):
    """Changes to the health check. Times are nanoseconds; None leaves a field as it is."""

    test: tuple[str, ...] | None = None
    interval: int | None = None
    timeout: int | None = None
    start_period: int | None = None
    start_interval: int | None = None
    retries: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in self.__struct_fields__)

    def of(self, present: Healthcheck | None) -> Healthcheck | None:
        """The health check after the changes; none where its command is set to nothing."""
        if self.test == ():
            return None
        said = {name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name) is not None}
        return replace(present or Healthcheck(test=()), **said) if said else present


class ImageChanges(Struct, frozen=True, kw_only=True):
    """What is to be changed of an image; None, or what is empty, leaves a field as it is.

    A new entry point takes the command with it unless that is set too, as in a Dockerfile: it was for the old one.
    """

    user: str | None = None
    env: Pairs = Pairs()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str | None = None
    labels: Pairs = Pairs()
    ports: Words = Words()
    volumes: Words = Words()
    stop_signal: str | None = None
    stop_timeout: int | None = None
    health: HealthChange = HealthChange()
    shell: tuple[str, ...] | None = None
    on_build: tuple[str, ...] | None = None
    annotations: Pairs = Pairs()
    index_annotations: Pairs = Pairs()
    author: str | None = None
    created: int | None = None
    platform: Platform | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is a change at all."""
        return any(
            value if isinstance(value, Pairs | Words | HealthChange) else value is not None
            for value in (getattr(self, name) for name in self.__struct_fields__)
        )

    @property
    def may_stop_it_starting(self) -> bool:
        """Whether a container of the changed image could fail to start where one of the old image did not."""
        texts = (self.user, self.entrypoint, self.cmd, self.working_dir, self.shell, self.platform)
        return any(text is not None for text in texts) or bool(self.env or self.health or self.volumes)

    def of(self, image: Image) -> Image:
        """The image with these changes; its original documents are those of before."""
        return replace(
            image,
            config=self._config(image.config),
            annotations=self.annotations.of(image.annotations) if self.annotations else image.annotations,
            author=image.author if self.author is None else self.author,
            created=image.created if self.created is None else self.created,
            platform=image.platform if self.platform is None else self.platform,
        )

    def _config(self, config: RunConfig) -> RunConfig:
        single = {
            "user": self.user,
            "entrypoint": self.entrypoint,
            "cmd": () if self.entrypoint and self.cmd is None else self.cmd,
            "working_dir": self.working_dir,
            "stop_signal": self.stop_signal,
            "stop_timeout": self.stop_timeout,
            "shell": self.shell,
            "on_build": self.on_build,
        }
        return replace(
            config,
            env=self.env.of(config.env) if self.env else config.env,
            labels=self.labels.of(config.labels) if self.labels else config.labels,
            exposed_ports=self.ports.of(config.exposed_ports) if self.ports else config.exposed_ports,
            volumes=self.volumes.of(config.volumes) if self.volumes else config.volumes,
            healthcheck=self.health.of(config.healthcheck) if self.health else config.healthcheck,
            **{name: value for name, value in single.items() if value is not None},
        )

    def unknown(self, images: Iterable[Image]) -> list[tuple[str, str, tuple[str, ...]]]:
        """What is to be removed and none of the images has: what it is, its name, and the names that there are."""
        every = list(images)
        groups: list[tuple[str, tuple[str, ...], set[str]]] = [
            ("environment variable", self.env.remove, {name for image in every for name in image.config.env}),
            ("label", self.labels.remove, {name for image in every for name in image.config.labels}),
            ("annotation", self.annotations.remove, {name for image in every for name in image.annotations}),
            ("port", self.ports.remove, {port for image in every for port in image.config.exposed_ports}),
            ("volume", self.volumes.remove, {path for image in every for path in image.config.volumes}),
        ]
        return [
            (what, name, tuple(sorted(there)))
            for what, removed, there in groups
            for name in removed
            if name not in there
        ]
