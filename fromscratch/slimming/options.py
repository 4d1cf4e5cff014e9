"""What decides, besides the trace, which files of an image are kept."""

from msgspec import Struct


class SlimOptions(Struct, frozen=True, kw_only=True):
    """Globs of paths, as in `paths.matcher`, and names of packages.

    `keep` and `keep_packages` stay whatever the trace says; `drop` goes whatever needs it. What a trace says of paths
    or programs in `exclude` does not count, such as a find(1) that has looked at everything. `package_records` keeps
    the databases of package managers, cut to the packages that remain.
    """

    keep: tuple[str, ...] = ()
    keep_packages: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    package_records: bool = True
