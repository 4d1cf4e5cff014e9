"""Asks Portage which packages it would merge, in which order, from which source archives.

Called as `plan.py [--usepkg] ANSWER ATOM…`; writes JSON to the file ANSWER. What Portage says of an impossible
request goes to standard output, as `emerge --pretend` says it.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import sys
from typing import Any

from _emerge.actions import load_emerge_config
from _emerge.create_depgraph_params import create_depgraph_params
from _emerge.depgraph import backtrack_depgraph
from _emerge.Package import Package
from _emerge.stdout_spinner import stdout_spinner
from portage import output
from portage.dep import Atom, use_reduce
from portage.exception import PackageSetNotFound

FIELDS = ("DEPEND", "BDEPEND", "RDEPEND", "PDEPEND", "IDEPEND")
OPTIONS = {"--quiet": True, "--autounmask": "n", "--package-moves": "n"}


def main(arguments: list[str]) -> None:
    options = OPTIONS | ({"--usepkg": True} if "--usepkg" in arguments else {})
    answer, *atoms = (each for each in arguments if each != "--usepkg")
    output.nocolor()
    config = load_emerge_config()
    settings, trees = config.target_config.settings, config.trees
    parameters = create_depgraph_params(options, "")
    try:
        success, graph, _ = backtrack_depgraph(settings, trees, options, parameters, "", atoms, stdout_spinner())
    except PackageSetNotFound as error:
        sys.stdout.write(f"emerge: there is no set {error.value}\n")
        _write(answer, {"sets": sorted(config.target_config.setconfig.getSets())})
        return
    if not success:
        database = trees[settings["EROOT"]]["porttree"].dbapi
        _write(answer, {"names": sorted(database.cp_all()), "needs": _needs(_problems(graph), database)})
        return
    packages = [each for each in graph.altlist() if isinstance(each, Package) and each.operation == "merge"]
    target = settings["EROOT"]
    _write(
        answer,
        {
            "packages": [_package(each, graph, trees, each.root == target) for each in packages],
            "mirrors": settings["GENTOO_MIRRORS"].split(),
            "known_flags": _known_flags(settings),
        },
    )


def _problems(graph: Any) -> str:
    """What Portage says of a request that it cannot satisfy; it is printed as well."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="replace", write_through=True)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        graph.display_problems()
    stream.seek(0)
    text = stream.read()
    sys.stdout.write(text)
    return text


def _needs(text: str, database: Any) -> dict[str, dict[str, list[str]]]:
    """The dependencies of the packages that are named as the reasons for another, by their fields."""
    found = {}
    for cpv in re.findall(r'dependency required by "([^":\s]+)::', text):
        eapi, *values = database.aux_get(cpv, ["EAPI", *FIELDS])
        found[cpv] = {
            field: [str(atom) for atom in use_reduce(value, matchall=True, flat=True, eapi=eapi, token_class=Atom)]
            for field, value in zip(FIELDS, values, strict=True)
        }
    return found


def _package(package: Any, graph: Any, trees: Any, in_target: bool) -> dict[str, Any]:
    binary = package.type_name == "binary"
    parents = graph._dynamic_config.digraph.parent_nodes(package)  # packages, and the requests of the call
    return {
        "name": package.cp,
        "version": package.cpv[len(package.cp) + 1 :],
        "repository": str(package.repo),
        "slot": str(package.slot),
        "use": sorted(package.use.enabled),
        "flags": sorted(package.iuse.all),
        "in_target": in_target,
        "asked": not all(isinstance(each, Package) for each in parents),
        "parents": sorted({str(each.cpv) for each in parents if isinstance(each, Package)}),
        "binary": binary,
        "sources": "" if binary else _sources(package, trees),
        "distfiles": [] if binary else _distfiles(package, trees),
    }


def _sources(package: Any, trees: Any) -> str:
    """A digest of the ebuild, the eclasses that it inherits, and the files and Manifest beside it."""
    database = trees[package.root]["porttree"].dbapi
    location = database.getRepositoryPath(package.repo)
    eclasses = database.repositories.get_repo_for_location(location).eclass_db.eclasses
    folder = os.path.join(location, package.cp)  # noqa: PTH118
    name = package.cpv[package.cpv.index("/") + 1 :]
    paths = [os.path.join(folder, f"{name}.ebuild"), os.path.join(folder, "Manifest")]  # noqa: PTH118
    paths += sorted(eclasses[each].location for each in package.inherited if each in eclasses)
    for above, folders, names in os.walk(os.path.join(folder, "files")):  # noqa: PTH118
        folders.sort()
        paths += [os.path.join(above, each) for each in sorted(names)]  # noqa: PTH118
    whole = hashlib.sha256()
    for path in paths:
        if os.path.isfile(path):  # noqa: PTH113
            with open(path, "rb") as stream:
                whole.update(f"{os.path.basename(path)}\0".encode() + hashlib.sha256(stream.read()).digest())  # noqa: PTH119
    return whole.hexdigest()


def _distfiles(package: Any, trees: Any) -> list[dict[str, Any]]:
    database = trees[package.root]["porttree"].dbapi
    location = database.getRepositoryPath(package.repo)
    addresses = database.getFetchMap(package.cpv, useflags=package.use.enabled, mytree=location)
    if not addresses:
        return []
    repository = database.repositories.get_repo_for_location(location)
    folder = os.path.join(location, package.cp)  # noqa: PTH118
    restrictions = use_reduce(package._metadata.get("RESTRICT", ""), uselist=package.use.enabled, flat=True)
    manifest = repository.load_manifest(folder, database.settings["DISTDIR"])
    hashes = manifest.getTypeDigests("DIST")
    mirrors = database.settings.thirdpartymirrors()
    found = []
    for name, given in addresses.items():
        known = hashes.get(name, {})
        found.append(
            {
                "name": name,
                "size": int(known.get("size", -1)),
                "digests": {kind: value for kind, value in known.items() if kind != "size"},
                "addresses": [one for each in given for one in _spread(each, mirrors)],
                "restricted": "fetch" in restrictions,
            }
        )
    return found


def _spread(address: str, mirrors: Any) -> list[str]:
    """The addresses that mirror://NAME/PATH stands for."""
    if not address.startswith("mirror://"):
        return [address]
    name, _, path = address[len("mirror://") :].partition("/")
    return [f"{base.rstrip('/')}/{path}" for base in mirrors.get(name, [])]


def _known_flags(settings: Any) -> list[str]:
    """The USE flags that the profile and the descriptions of the repositories know."""
    known = set(settings.get("IUSE_IMPLICIT", "").split())
    for repository in settings.repositories:
        for file in ("profiles/use.desc", "profiles/use.local.desc"):
            try:
                with open(os.path.join(repository.location, file), errors="replace") as stream:  # noqa: PTH118
                    words = (line.split(" - ")[0].strip().rpartition(":")[2] for line in stream if " - " in line)
                    known.update(word for word in words if not word.startswith("#"))
            except OSError:
                continue
    return sorted(known)


def _write(answer: str, found: dict[str, Any]) -> None:
    with open(answer, "w") as stream:
        json.dump(found, stream)


if __name__ == "__main__":
    main(sys.argv[1:])
