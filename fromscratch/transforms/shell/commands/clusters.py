"""The questions of postgresql-common's tools in an image: a cluster is a database, and no image has one."""

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_CONFIGURATION = TreePath("/etc/postgresql")
_HEADING = b"Ver Cluster Port Status Owner Data directory Log file\n"


def pg_lsclusters(machine: Machine, call: Call) -> Result:
    """No line where nothing configures a cluster. Raises NotUnderstood if something does."""
    versions = _children(machine.tree, _CONFIGURATION)
    if any(_children(machine.tree, paths.join(_CONFIGURATION, version)) for version in versions):
        raise NotUnderstood("the state of a cluster that is configured is not known")
    return Result(output=b"" if {"-h", "--no-header"} & {*call.arguments} else _HEADING)


def _children(tree: ChangingTree, folder: TreePath) -> list[str]:
    try:
        return tree.children(tree.resolve(folder))
    except NotInTree:
        return []


# The others look at the machine's memory, or tell apt what it may remove.
COMMANDS = {
    "pg_lsclusters": Command(pg_lsclusters, "program"),
    "/usr/share/postgresql-common/pg_checksystem": Command(nothing, "program"),
    "/usr/share/postgresql-common/pg_updateaptconfig": Command(nothing, "program"),
}
