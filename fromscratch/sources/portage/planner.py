"""Deciding what is built: Portage is asked in the sandbox, and what it answers becomes a plan."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fromscratch.errors import ImageError, UsageError
from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.nearest import nearest
from fromscratch.sources.contract import Context
from fromscratch.sources.portage import binary_packages, binhosts, failure, machine_tools, profiles
from fromscratch.sources.portage.machine import Programs
from fromscratch.sources.portage.options import PortageOptions, words
from fromscratch.sources.portage.plan import Answer, Plan, PlannedPackage
from fromscratch.sources.portage.repositories import SyncedRepository, versions_in
from fromscratch.sources.portage.workspace import Workspace, merged_usr

_ANSWER = "plan.json"


def make_plan(
    options: PortageOptions, context: Context, store: Store, workspace: Workspace, synced: Sequence[SyncedRepository]
) -> Plan:
    """The plan for repositories that lie in the workspace; binary packages that fit it are brought already.

    Raises ImageError and UsageError for what cannot be had.
    """
    folders = workspace.repository_folders(synced)
    plan = _on_machine(options, context, synced, folders, workspace.programs)
    workspace.configure(options, plan)
    workspace.empty_root(merged_usr(options, plan))
    with context.progress.task("asking Portage for a plan", unit="steps"):
        answer = _asked(options, context, workspace, synced)
    binaries = binhosts.fetch(store, options.binhosts, answer.packages, context.progress, context.jobs)
    if binaries:
        binary_packages.put_digests(store, binaries, workspace.box / "packages")
        with context.progress.task("asking Portage for a plan with binary packages", unit="steps"):
            answer = _asked(options, context, workspace, synced, "--usepkg")
        binaries = {each.cpv: binaries[each.cpv] for each in answer.packages if each.binary}
    _check_tools(answer.packages, context.place, workspace.programs)
    _check_flags(options, answer)
    notes = list(_notes(options, answer))
    return replace(plan, packages=answer.packages, notes=notes, mirrors=answer.mirrors, binaries=binaries)


def _on_machine(
    options: PortageOptions,
    context: Context,
    synced: Sequence[SyncedRepository],
    folders: Sequence[Path],
    programs: Programs,
) -> Plan:
    """A plan without packages: the profile, and what the machine that builds counts as."""
    names = {each.name: folder for each, folder in zip(synced, folders, strict=True)}

    def has(repository: str, path: str) -> bool:
        return repository in names and (names[repository] / "profiles" / path).is_dir()

    listed = folders[0] / "profiles" / "profiles.desc"
    text = listed.read_text(errors="replace") if listed.is_file() else ""
    profile = profiles.choose(options.profile, context.platform, synced[0].name, list(profiles.parse(text)), has)
    versions = versions_in(folders)
    asked = {failure.name_of(atom) for atom in options.atoms}
    own_libc = asked & set(machine_tools.C_LIBRARY[:1])
    return Plan(
        repositories=list(synced),
        profile=profile,
        packages=[],
        provided=[] if own_libc else machine_tools.c_library(versions),
        tools=machine_tools.provided(versions, programs.has, options.tools),
    )


def _asked(
    options: PortageOptions, context: Context, workspace: Workspace, synced: Sequence[SyncedRepository], *more: str
) -> Answer:
    script, answer = workspace.seen("scripts/plan.py"), workspace.box / _ANSWER
    answer.unlink(missing_ok=True)
    if context.log is not None:
        context.log.parent.mkdir(parents=True, exist_ok=True)
    call = workspace.argv([workspace.portage.python, script, *more, workspace.seen(_ANSWER), *options.atoms], synced)
    lines: list[bytes] = []
    code = run.follow(call, lines.append, log=context.log)
    text = b"".join(lines).decode("utf-8", "replace")
    if not answer.is_file():
        raise failure.of_build(text.splitlines(), {}, code, "see what it says of the configuration")
    found = msgspec.json.decode(answer.read_bytes(), type=Answer)
    if not found.packages:
        if found.names or found.sets:
            raise _impossible(text, found, context.place, workspace.programs)
        raise ImageError(
            f"portage: nothing is to be built for {', '.join(options.atoms)}, asked for in {context.place}",
            "everything that was asked for counts as installed: see provided:",
        )
    return found


def _impossible(text: str, answer: Answer, place: str, programs: Programs) -> ImageError:
    """The error for a request that cannot be satisfied, which may be for want of a tool on this machine."""
    error = failure.of_plan(text, answer, place)
    needing = [failure.name_of(f"={cpv}") for cpv in answer.needs]
    # Of those that this machine could have, the last one needs all others.
    lacking = machine_tools.lacking(reversed(needing), programs.has)[:1]
    return ImageError(error.message, _advice(programs, lacking)) if lacking else error


def _check_tools(packages: Sequence[PlannedPackage], place: str, programs: Programs) -> None:
    """Nothing is installed on this machine: what would have to be is a tool that it lacks."""
    needed = {each.cpv: each for each in packages if not each.in_target}
    # Those that something in the root needs; the others would be for these only.
    first = [each for each in needed.values() if not all(parent in needed for parent in each.parents)]
    if not needed:
        return
    lines = [
        f"  {each.name}, to build {' and '.join(parent for parent in each.parents if parent not in needed)}"
        for each in first or needed.values()
    ]
    raise ImageError(
        f"portage: {programs.title} lacks tools for what is asked for in {place}:\n" + "\n".join(lines),
        _advice(programs, [each.name for each in first or needed.values()]),
    )


def _advice(programs: Programs, packages: Sequence[str]) -> str:
    """How the machine that builds gets the tools that these packages are."""
    if programs.system is not None:
        return f"add {' and '.join(packages)} to that image; if it has them, say so under tools:"
    return machine_tools.advice_for(packages)


def _check_flags(options: PortageOptions, answer: Answer) -> None:
    """Raises UsageError for a flag that a package does not have."""
    by_name = {each.name: each for each in answer.packages}
    for atom, given in options.package_use.items():
        package = by_name.get(failure.name_of(atom))
        if package is None:
            continue
        for flag in (each.lstrip("-") for each in words(given)):
            if flag not in package.flags and flag != "*" and "_" not in flag:
                near = nearest(flag, package.flags, count=3)
                hint = f"did you mean {' or '.join(near)}?" if near else _flags_of(package)
                raise UsageError(f"package_use: {package.name} has no USE flag {flag}", hint)


def _flags_of(package: PlannedPackage) -> str:
    own = [flag for flag in package.flags if "_" not in flag]
    return f"it has {', '.join(own)}" if own else "it has none: leave the line out"


def _notes(options: PortageOptions, answer: Answer) -> Iterator[str]:
    """What a recipe says in vain."""
    names = {each.name for each in answer.packages}
    for atom in options.package_use:
        name = failure.name_of(atom)
        if "*" not in name and "/" in name and name not in names:
            yield f"package_use: {name} is not among the packages"
    known = {*answer.known_flags, *(flag for each in answer.packages for flag in each.flags)}
    for flag in (each.lstrip("-") for each in words(options.use)):
        if flag not in known and flag != "*" and "_" not in flag:
            near = nearest(flag, known, count=2)
            yield f"use: no package has the USE flag {flag}" + (f"; did you mean {' or '.join(near)}?" if near else "")
