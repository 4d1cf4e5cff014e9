"""What the recipe itself does to the tree that its sources have brought, and what of the project's files that needs."""

import hashlib
from collections.abc import Mapping, Sequence

from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import Progress
from fromscratch.recipe import certificates, paths
from fromscratch.recipe.folders import Project
from fromscratch.recipe.schema import Recipe
from fromscratch.transforms.accounts import check_passwords, with_accounts
from fromscratch.transforms.layer_rules import BY_RECIPE
from fromscratch.transforms.trim import UNUSED_LIBRARIES, selected


def with_changes(
    tree: Rootfs, recipe: Recipe, project: Project, progress: Progress
) -> tuple[Rootfs, Mapping[TreePath, str]]:
    """The tree with accounts, trimmed, with certificates and single paths, in this order; and what was removed from
    it, by which rule of `trim` or item of `paths`. Raises ImageError for accounts without a password."""
    from fromscratch.transforms.path_changes import with_paths

    accounts = recipe.accounts
    if accounts is not None:
        tree = with_accounts(
            tree,
            [user.user() for user in accounts.users],
            [group.group() for group in accounts.groups],
            Origin(BY_RECIPE, "asked for", "accounts"),
            empty_passwords=accounts.empty_passwords,
        )
    removed = selected(tree, recipe.trim, _found(tree, recipe.trim))
    tree = tree.without(removed)
    if recipe.certificates:
        from fromscratch.transforms.authorities import with_authorities

        tree, notes = with_authorities(tree, certificates.authorities(recipe.certificates, project))
        for note in notes:
            progress.note(note)
    tree, deleted = with_paths(tree, paths.changes(recipe.paths, project), removed)
    check_passwords(tree, accounts.empty_passwords if accounts else ())
    return tree, {path: rule for path, rule in {**removed, **deleted}.items() if path not in tree}


def _found(tree: Rootfs, rules: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The globs of the categories of `trim` that depend on the tree."""
    if UNUSED_LIBRARIES not in rules:
        return {}
    from fromscratch.linker.unused_libraries import as_globs, unused_libraries

    return {UNUSED_LIBRARIES: as_globs(unused_libraries(tree))}


def fingerprint(recipe: Recipe, project: Project) -> str:
    """A text that changes whenever a file of the project does that `certificates` or `paths` name."""
    found = hashlib.sha256(paths.fingerprints(recipe.paths, project).encode())
    for index, each in enumerate(recipe.certificates):
        found.update(each.pem(project, f"certificates[{index}]"))
    return found.hexdigest()
