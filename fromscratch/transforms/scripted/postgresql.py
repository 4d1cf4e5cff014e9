"""How a container starts PostgreSQL of Debian, which has a service for each cluster and no cluster yet."""

from msgspec import Struct

from fromscratch.errors import NotInTree
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.transforms.scripted.units import program

TEMPLATE = "postgresql@"
PORT = "5432"
_VERSIONS = "/usr/lib/postgresql"


class Cluster(Struct, frozen=True):
    """The command that starts a cluster as its owner, and the one, in shell, that makes it once."""

    command: tuple[str, ...]
    made_by: str


def cluster(tree: ChangingTree) -> Cluster | None:
    """The cluster `main` of the newest version; None where the tree cannot have one."""
    version = max(_versions(tree), key=lambda each: [int(part) for part in each.split(".")], default="")
    control = program(tree, "pg_ctlcluster")
    if not version or control is None:
        return None
    made_by = f"[ -e /etc/postgresql/{version}/main ] || pg_createcluster {version} main > /dev/null"
    return Cluster((control, "--foreground", version, "main", "start"), made_by)


def _versions(tree: ChangingTree) -> list[str]:
    """Those whose server is there."""
    try:
        names = tree.children(tree.resolve(_VERSIONS))
    except NotInTree:
        return []
    return [name for name in names if name.replace(".", "").isdigit() and tree.find(f"{_VERSIONS}/{name}/bin/postgres")]
