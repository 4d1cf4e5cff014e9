"""Which image a verb is about: the one that is named, else the recipe's build."""

from fromscratch.cli.call import Call
from fromscratch.model.image import Image, Platform
from fromscratch.naming import Found


def images(call: Call, name: str | None) -> list[Image]:
    """The image that is named; of the recipe's build, the images of every platform, or those of `--platform`."""
    from fromscratch import assembly

    if name:
        return [target(call, name).need_image()]
    return list(assembly.need_built(call.job, _asked_for(call)).images)


def target(call: Call, name: str | None) -> Found:
    """Raises UsageError and NotFetched."""
    from fromscratch import assembly, naming

    if name:
        return naming.find(name, call.store, call.platforms)
    job = call.job
    assembly.need_built(job, _asked_for(call))
    return naming.in_build(job.output, _asked_for(call))


def _asked_for(call: Call) -> tuple[Platform, ...]:
    """The platforms that the call or else the recipe names: a build made for others may be the one that is meant."""
    return call.job.platforms if call.platforms or call.job.recipe.platforms else ()
