"""What a recipe may say under `image:` of an item of `rootfs`."""

from typing import Annotated

from msgspec import Meta, Struct, field

from fromscratch.errors import UsageError
from fromscratch.model.image import Platform
from fromscratch.transforms.placement import check_paths, parse_owner


class ImageSourceOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container image: its whole root, or with `include` some paths of it, as a Dockerfile copies them."""

    from_: Annotated[
        str,
        Meta(
            description="its name, such as debian:bookworm-slim or HOST/NAME:TAG@sha256:… of a registry, oci:DIR, "
            "oci-archive:FILE, docker-archive:FILE, docker:NAME or podman:NAME; files are relative to the recipe",
            min_length=1,
        ),
    ] = field(name="from")
    include: Annotated[list[str], Meta(description="paths or globs of the only files and folders to take")] = []
    copy: Annotated[
        dict[str, str],
        Meta(
            description="paths or globs of the only files and folders to take, each with the path where it lands, as "
            "COPY of a Dockerfile has them: /src/app: /app; with / behind it, that of a folder to put them in"
        ),
    ] = {}
    exclude: Annotated[list[str], Meta(description="globs of paths inside the image to leave out")] = []
    into: Annotated[str, Meta(description="where in the new image the root of this one lands")] = "/"
    owner: Annotated[str, Meta(description='"keep", or UID:GID for everything, such as "0:0"')] = "keep"
    platform: Annotated[
        str, Meta(description="the platform to take it for, where that is not the one that is built")
    ] = ""
    config: Annotated[
        bool,
        Meta(description="as the first item, taken whole: containers start as those of this image, but for image:"),
    ] = True

    def __post_init__(self) -> None:
        parse_owner(self.owner)
        check_paths("include", self.include)
        check_paths("exclude", self.exclude)
        if self.include and self.copy:
            raise ValueError("copy: there is include: too; write one of the two")
        if not all(path.startswith("/") for each in self.copy.items() for path in each):
            raise ValueError("copy: both paths begin with /, as in  /src/app: /app")
        if self.into != "/":
            check_paths("into", [self.into])
        if self.platform:
            try:
                Platform.parse(self.platform)
            except UsageError as error:
                raise ValueError(f"platform: {error.message}; {error.hint}") from error

    @property
    def is_whole(self) -> bool:
        """Whether it can be what an image is based on: all that is not excluded, at its own place."""
        return not self.include and not self.copy and self.into == "/"
