"""How a container starts PostgreSQL of Debian, which has a service for each cluster and no cluster yet."""

from fromscratch.errors import NotInTree
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.transforms.scripted.first_start import with_first_commands
from fromscratch.transforms.scripted.units import program

TEMPLATE = "postgresql@"
PORT = "5432"
_VERSIONS = "/usr/lib/postgresql"


def cluster_command(tree: ChangingTree) -> tuple[str, ...] | None:
    """The command that makes the cluster `main` of the newest version once, and starts it as its owner."""
    version = max(_versions(tree), key=lambda each: [int(part) for part in each.split(".")], default="")
    control = program(tree, "pg_ctlcluster")
    if not version or control is None:
        return None
    make = f"[ -e /etc/postgresql/{version}/main ] || pg_createcluster {version} main > /dev/null"
    return with_first_commands([control, "--foreground", version, "main", "start"], [make])


def _versions(tree: ChangingTree) -> list[str]:
    """Those whose server is there."""
    try:
        names = tree.children(tree.resolve(_VERSIONS))
    except NotInTree:
        return []
    return [name for name in names if name.replace(".", "").isdigit() and tree.find(f"{_VERSIONS}/{name}/bin/postgres")]
