"""`configure`: make Buildroot's configuration."""

from fromscratch.cli.call import Call


def configure(call: Call, *, menu: bool, busybox: bool, savedefconfig: str | None) -> None:
    import sys
    from pathlib import Path

    from fromscratch.errors import UsageError
    from fromscratch.flow import assembly
    from fromscratch.sources.contract import Configurable, SavesConfiguration

    if (menu or busybox) and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("a menu needs a terminal", "run it on one, or write a fragment into buildroot-configs/")
    job = call.job
    found = [source for _, source in assembly.sources(job, job.platforms[0]) if isinstance(source, Configurable)]
    if not found:
        raise UsageError("no item of the recipe has a configuration", "configure is for recipes that build from source")
    if savedefconfig is not None:
        if len(found) > 1 or menu or busybox:
            raise UsageError(
                "--savedefconfig is for one item, without a menu", "leave the other ones out of the recipe"
            )
        if not isinstance(found[0], SavesConfiguration):
            raise UsageError(f"the configuration of {found[0].label} is not one file", "leave --savedefconfig out")
        call.say(str(found[0].save_configuration(job.store, Path(savedefconfig))))
        return
    for source in found:
        call.say(str(source.configure(job.store, menu=menu or busybox, part="busybox" if busybox else "")))
