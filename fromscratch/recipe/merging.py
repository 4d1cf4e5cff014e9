"""One part of a recipe laid over another: what `extends`, `include` and `variants` mean."""

from fromscratch.formats.yaml.document import Path
from fromscratch.recipe.nodes import Node

# Lists that are one value, so that another takes their place; all others grow.
_ONE_VALUE = (
    ("platforms",),
    ("image", "cmd"),
    ("image", "entrypoint"),
    ("image", "healthcheck", "test"),
)
_VARIABLES = "vars"
_BY_NAME = (("accounts", "users"), ("accounts", "groups"))


def merged(lower: Node, upper: Node, path: Path = ()) -> Node:
    """`lower` with what `upper` says.

    Mappings merge key by key, and nothing (null) for a key takes away what `lower` has; a list goes on after that of
    `lower`, without the texts that are in it already; accounts of one name are one; everything else is the upper one's.
    """
    if isinstance(lower.value, dict) and isinstance(upper.value, dict):
        made = dict(lower.value)
        for key, node in upper.value.items():
            if key in made and node.value is None:
                del made[key]
            else:
                made[key] = merged(made[key], node, (*path, key)) if key in made else node
        return Node(made, upper.place)
    if isinstance(lower.value, list) and isinstance(upper.value, list) and not _is_one_value(path):
        if path in _BY_NAME:
            names = {_name(node) for node in upper.value} - {None}
            return Node([*(node for node in lower.value if _name(node) not in names), *upper.value], upper.place)
        there = {node.value for node in lower.value if isinstance(node.value, str)}
        fresh = [node for node in upper.value if not (isinstance(node.value, str) and node.value in there)]
        return Node([*lower.value, *fresh], upper.place)
    return upper


def _is_one_value(path: Path) -> bool:
    return path in _ONE_VALUE or path[:1] == (_VARIABLES,)


def _name(node: Node) -> str | None:
    name = node.get("name")
    return name.value if name is not None and isinstance(name.value, str) else None
