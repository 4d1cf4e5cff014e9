"""Recording an image: its containers are started here, and used by its checks or by hand."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.checks.contract import Check, Results
from fromscratch.flow.images_by_name import Found
from fromscratch.formats.oci.config import image_documents
from fromscratch.host.container.preparation import Invocation, with_volumes
from fromscratch.host.container.published import published, tcp_ports
from fromscratch.host.container.running import Outcome, running
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import shown
from fromscratch.progress import SILENT, Progress
from fromscratch.tracing.choice import Choice, choose
from fromscratch.tracing.recording import Recorded, Recording
from fromscratch.tracing.waiting import until_stopped

_SHOWN_LINES = 20


class RecordingJob(Struct, frozen=True, kw_only=True):
    """An image to record: its `tree`, its configuration, and `argv` in place of its Cmd.

    `digest` is its manifest's, or empty for a plain root. `recorder` is the one that is asked for, if any.
    """

    tree: Rootfs
    config: RunConfig
    platform: Platform
    workdir: Path
    digest: str = ""
    argv: Sequence[str] | None = None
    recorder: str | None = None
    progress: Progress = SILENT


def job_of(found: Found, tree: Rootfs, workdir: Path) -> RecordingJob:
    """The job for an image that was found by its name; `tree` is its root."""
    image = found.image
    return RecordingJob(
        tree=tree,
        config=image.config if image else RunConfig(),
        platform=image.platform if image else Platform.of_this_machine(),
        digest=str(image_documents(image).descriptor.digest) if image else "",
        workdir=workdir,
    )


def record_by_hand(job: RecordingJob) -> Recorded:
    """Record what a person does with the image, until its command ends or an interruption stops it as an engine would.

    Its TCP ports are published on this machine's loopback; notes of progress say where. Raises ImageError.
    """
    choice, recording = _begin(job)
    with choice.recorder.watch(recording) as watch, running(invocation_of(job), watch) as container:
        with published(tcp_ports(job.config.exposed_ports), container.connect) as ports:
            for port in ports:
                job.progress.note(f"port {port.inside} of the image is localhost:{port.here}")
            until_stopped(lambda: container.wait(0) is None, recording, job.progress, "use it now; Ctrl-C stops it")
        _say_end(container.stop(), job.progress)
    return recording.finished()


def record_checks(job: RecordingJob, checks: Sequence[Check]) -> tuple[Recorded, Results]:
    """Record the image while its checks are made. Raises ImageError where it cannot be run at all."""
    from fromscratch.checks.perform import perform

    choice, recording = _begin(job)
    with choice.recorder.watch(recording) as watch:
        results = perform(checks, invocation_of(job), watch)
    return recording.finished(), results


def _begin(job: RecordingJob) -> tuple[Choice, Recording]:
    choice = choose(job.recorder, "image")
    job.progress.note(f"recording by {choice.recorder.about} ({choice.reason})")
    return choice, Recording(choice.recorder.name, str(job.platform), job.digest)


def invocation_of(job: RecordingJob) -> Invocation:
    """How the image is started, whether it is recorded or not."""
    return Invocation(
        tree=with_volumes(job.tree, job.config.volumes),
        config=job.config,
        argv=job.argv,
        workdir=job.workdir,
        platform=job.platform,
        progress=job.progress,
    )


def _say_end(outcome: Outcome, progress: Progress) -> None:
    """How the image's command ended, and the end of what it wrote."""
    written = outcome.stdout.decode("utf-8", "replace").rstrip().splitlines()[-_SHOWN_LINES:]
    for line in written:
        progress.note(f"  {shown(line)}")
    progress.note(f"the image's command ended with code {outcome.code}")
