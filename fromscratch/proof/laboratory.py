"""Second builds of a recipe, by another process under varied conditions, in temporary folders."""

import json
import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from fromscratch.errors import CommandFailed, ImageError
from fromscratch.flow import assembly, output
from fromscratch.flow.assembly import Job
from fromscratch.flow.output import Built
from fromscratch.formats.oci import documents as oci
from fromscratch.host.process import perturb, run
from fromscratch.host.storage import disk, staged_folder
from fromscratch.host.storage.linked_copy import linked_copy
from fromscratch.proof import conditions, second_build
from fromscratch.proof.conditions import ALL, FOLDER, USER, Condition, Here, Variation
from fromscratch.regular_file import read_bytes
from fromscratch.sources.contract import Source

# Conditions that may make a good build fail: another user may not read everything, and a recipe may name a full path.
_FATAL: tuple[tuple[str, ...], ...] = ((), (USER,), (FOLDER,), (USER, FOLDER))


class Again(Struct, frozen=True):
    """A build that was made once more, in the folder `output`."""

    conditions: tuple[Condition, ...]
    output: Path

    @property
    def layout(self) -> Path:
        return self.output / output.LAYOUT

    @property
    def built(self) -> Built:
        built = output.finished(self.output)
        assert built is not None  # noqa: S101  the process that made it has ended well
        return built


def digest_of(layout: Path) -> str:
    """The digest of the manifest or image index that a layout names."""
    index = oci.parse_index(read_bytes(layout / oci.INDEX_FILE), f"index.json of oci:{layout}")
    return str(index.manifests[0].digest)


def evidence_of(built: Built) -> Any:
    """All of the evidence but the digest of the inputs, which holds where they lie, and the checks: made only once."""
    images = [replace(image, checks=[]) for image in built.evidence.images]
    return msgspec.to_builtins(replace(built.evidence, inputs="", images=images))


@contextmanager
def laboratory(job: Job) -> Iterator["Laboratory"]:
    """A laboratory in a temporary folder, which is removed at the end. Raises ImageError where none can be written."""
    place = Path(tempfile.gettempdir()) / "fromscratch-check"
    with ExitStack() as stack:
        with disk.explained(place):
            folder = stack.enter_context(staged_folder.staged(place))
            folder.chmod(0o755)
        yield Laboratory(job, folder)


class Laboratory:
    """Each build in it has a folder of its own, with a store that shows what the job's has."""

    def __init__(self, job: Job, place: Path) -> None:
        sources = [source for _, source in assembly.sources(job, job.platforms[0])]
        self._job, self._place, self._here, self._count = job, place, _here(job, sources), 0
        self._build_folders = {kind for source in sources for kind in source.build_folders}
        self._results = {kind for source in sources for kind in source.result_records}

    def again(self) -> Again:
        """A build with as many conditions varied as can be, and the reasons for those that cannot."""
        failures: dict[tuple[str, ...], ImageError] = {}
        for dropped in _FATAL:
            try:
                made = self.build([name for name in ALL if name not in dropped])
            except ImageError as error:
                failures[dropped] = error
                continue
            by_name = {condition.name: condition for condition in made.conditions}
            for name in dropped:
                # The failure that this one made: of a build that differed from the good one in nothing else.
                others = tuple(other for other in dropped if other != name)
                by_name[name] = self._not_varied(name, failures[others])
            return replace(made, conditions=tuple(by_name[name] for name in ALL))
        raise failures[_FATAL[-1]]

    def result(self, varying: Collection[str]) -> tuple[str, Any]:
        """All by which builds are compared, of a build whose files are then removed."""
        made = self.build(varying)
        try:
            return digest_of(made.layout), evidence_of(made.built)
        finally:
            disk.remove(made.output.parent)

    def build(self, varying: Collection[str]) -> Again:
        """Raises ImageError for what the build in the other process fails by."""
        self._count += 1
        place = self._place / str(self._count)
        try:
            return self._build(varying, place)
        except BaseException:
            disk.remove(place)
            raise

    def _build(self, varying: Collection[str], place: Path) -> Again:
        (place / "home").mkdir(parents=True)
        (place / "elsewhere").symlink_to(self._job.folder.absolute())
        plan = conditions.vary(self._here, varying, place)
        linked_copy(self._job.store, place / "store", self._build_folders | self._results, self._results)
        if "user" in plan.settings:
            _give(place, plan.settings["user"])
        run.run(
            [sys.executable, "-P", second_build.__file__],
            stdin=json.dumps(self._spec(plan, place)).encode(),
            env={**plan.variables, **_OF_PYTHON, "PYTHONPATH": _search_path()},
            cwd=Path(plan.settings["working"]),
        )
        failure = json.loads((place / "answer.json").read_text())
        if failure is not None:
            raise ImageError(f"the second build failed: {failure['message']}", failure["hint"])
        return Again(plan.conditions, place / "output")

    def _spec(self, plan: Variation, place: Path) -> dict[str, Any]:
        job, packed = self._job, second_build.packed
        return {
            "recipe": msgspec.to_builtins(job.recipe),
            "platforms": [str(platform) for platform in job.platforms],
            "epoch": job.epoch,
            "store": packed(place / "store"),
            "limits": asdict(job.limits),
            "output": packed(place / "output"),
            "beside": [packed(each.absolute()) for each in (job.output, job.store.root, *job.beside)],
            "answer": packed(place / "answer.json"),
            "settings": {
                name: packed(value) if isinstance(value, str) else value for name, value in plan.settings.items()
            },
        }

    def _not_varied(self, name: str, failure: ImageError) -> Condition:
        plan = conditions.vary(self._here, [name], self._place)
        first = plan.conditions[0].first
        # Of a program that failed, the message ends in what it said last.
        lines = failure.message.splitlines()
        return Condition(name, first, why=lines[-1 if isinstance(failure, CommandFailed) else 0].strip())


_OF_PYTHON = {"PYTHONDONTWRITEBYTECODE": "1"}


def _search_path() -> str:
    """What this process can import, that one can."""
    return os.pathsep.join(str(Path(path).absolute()) for path in sys.path)


def _here(job: Job, sources: Sequence[Source]) -> Here:
    return Here(
        folder=job.folder.absolute(),
        working=Path.cwd(),
        user=os.geteuid(),
        umask=perturb.umask(),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        jobs=job.jobs,
        encoding=sys.getfilesystemencoding(),
        variables=dict(os.environ),
        owners=next((source.label for source in sources if source.keeps_host_owners), ""),
    )


def _give(place: Path, user: int) -> None:
    """Give the folders of a build to the user who makes it. Its files are hard links: their owner must stay."""
    for folder, names, _ in disk.walk(place):
        for each in (Path(folder), *(Path(folder, name) for name in names)):
            os.chown(each, user, user, follow_symlinks=False)
