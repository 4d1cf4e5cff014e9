"""What decides, besides the trace, which files of an image are kept."""

from msgspec import Struct


class SlimOptions(Struct, frozen=True, kw_only=True):
    """Globs of paths, as in `paths.matcher`.

    `keep` stays whatever the trace says; `drop` goes whatever needs it. What a trace says of paths or programs in
    `exclude` does not count, such as a find(1) that has looked at everything. A trace of another image counts with
    `any_image`.
    """

    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    any_image: bool = False
