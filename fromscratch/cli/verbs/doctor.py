"""`doctor`: each thing that a source, a transport, a recorder or a way to run needs of this machine."""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from fromscratch.cli.call import Call
from fromscratch.cli.output.settings import spelled
from fromscratch.errors import ImageError
from fromscratch.host.engines.contract import Status
from fromscratch.host.machine.doctor_check import Check, tried
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform

_SCARCE = 2_000_000_000


def doctor(call: Call, *, json: bool) -> None:
    found = examined(call.store)
    call.result([check.facts() for check in found], table(found), json)


def examined(store: Store) -> list[Check]:
    """Every check, in the order of the flow."""
    from fromscratch.sources.catalogue import kinds

    of_sources = (check for kind in kinds().values() for check in (*kind.checks(), *kind.checks_of_store(store)))
    found = [
        _store(store),
        _repositories(),
        *of_sources,
        *_packing(),
        *_engines(),
        _registries(),
        *_running(),
        *_recording(),
    ]
    return [replace(check, found=spelled(check.found), remedy=spelled(check.remedy)) for check in found]


def table(checks: list[Check]) -> str:
    """One line a check, and under what is missing how to get it."""
    width = max(len(check.what) for check in checks)
    rows = []
    for check in checks:
        rows.append(f"{'ok' if check.ok else '--'}  {check.what:<{width}}  {check.found}")
        if check.remedy and not check.ok:
            rows.append(f"    {'':<{width}}  -> {check.remedy}")
    return "\n".join(rows)


def _store(store: Store) -> Check:
    place = store.root
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Check("store", False, f"{store.root} cannot be written", "name another folder in $FROMSCRATCH_STORE")
    room = f"{store.root}, {free / 1e9:.0f} GB free"
    return Check("store", free > _SCARCE, room, "free some room, or name another folder in $FROMSCRATCH_STORE")


def _repositories() -> Check:
    from fromscratch.host.process import run

    what = "recipes: parts of git repositories"
    git = run.find("git")
    return Check(what, git is not None, git or "git is not on this machine", "apt-get install git")


def _packing() -> Iterator[Check]:
    from fromscratch.formats.packing import codec

    _, name = codec.deflate_library()
    yield Check("layers: gzip", "zlib-ng" in name, name, "pip install zlib-ng (zlib works, but is slower)")
    yield tried("layers: zstd", lambda: codec.codec("zstd").name)
    yield tried("layers: fast", lambda: codec.codec("fast").name)


def _engines() -> Iterator[Check]:
    from fromscratch.images import catalogue
    from fromscratch.images.engine_choice import engine

    asked = [engine(kind).status() for kind in catalogue.engines()]
    for state in asked:
        yield Check(f"engine: {state.kind}", state.available, _engine(state), state.hint)
    answers = [state for state in asked if state.available]
    order = ", ".join(catalogue.engines())
    yield Check(
        "engines: default",
        bool(answers),
        f"{answers[0].kind}, the first that answers of {order}" if answers else f"none of {order} answers",
        "start or install one of them; pack, push and run do without",
    )


def _engine(state: Status) -> str:
    if not state.available:
        return state.problem
    product = f"{state.product}, " if state.product else ""
    reached = f" by {state.reached}" if state.reached else ""
    return f"{product}{state.version} for {state.platform}{reached}; --via {state.engine.ways}"


def _registries() -> Check:
    return tried("registry: credentials", _credentials)


def _credentials() -> str:
    """Which files and programs know us to registries. Raises ImageError. No secret is read out of either."""
    from fromscratch.host.process import run
    from fromscratch.host.registry import credentials
    from fromscratch.host.registry.access import Access

    lines = []
    for path in credentials.files(Access()):
        names, programs = credentials.registries(path), credentials.helpers(path)
        for program in programs:
            run.need(program, f"{path}", f"install it, or take it out of {path}")
        parts = [*([f"for {', '.join(names)}"] if names else []), *programs]
        lines += [f"{path} ({', '.join(parts)})"] if parts else []
    if not lines:
        raise ImageError("nobody is logged in to a registry", "docker login REGISTRY, or podman login REGISTRY")
    return ", ".join(lines)


def _running() -> Iterator[Check]:
    limit = Path("/proc/sys/user/max_user_namespaces")
    allowed = os.geteuid() == 0 or (limit.exists() and limit.read_text().strip() != "0")
    refused = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if os.geteuid() and refused.exists() and refused.read_text().strip() == "0":
        allowed = False
    yield Check(
        "run: private root",
        allowed,
        "namespaces are allowed" if allowed else "this kernel gives ordinary users no namespaces",
        "sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000, or install podman",
    )
    if os.geteuid():
        yield _subordinate_users()
    here = Platform.of_this_machine().architecture
    for architecture in ("amd64", "arm64", "riscv64"):
        if architecture != here:
            platform = Platform.parse(f"linux/{architecture}")
            yield tried(f"run: {platform}", partial(_emulated, platform))


def _subordinate_users() -> Check:
    from fromscratch.host.container import subordinate

    known = subordinate.mapping()
    count = sum(count for _, _, count in known.users) if known else 1
    return Check(
        "check, trace: users",
        known is not None,
        f"containers have {count} users, by newuidmap" if known else "a container has one user, who owns every file",
        "install uidmap, then as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER",
    )


def _recording() -> Iterator[Check]:
    from fromscratch.tracing.choice import RECORDERS

    for recorder in RECORDERS:
        refusal = recorder.refusal()
        about = f"{recorder.about}; for {' and '.join(f'{target}s' for target in recorder.targets)}"
        yield Check(f"trace: {recorder.name}", not refusal, refusal or about, recorder.remedy)


def _emulated(platform: Platform) -> str:
    from fromscratch.host.container import emulator as emulators

    emulator = emulators.emulator(platform)
    return str(emulator.program) if emulator else "by the kernel"
