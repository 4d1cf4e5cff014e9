"""Which image a verb is about: the one that is named, else the recipe's build."""

from fromscratch.cli.call import Call
from fromscratch.flow.images_by_name import Found
from fromscratch.model.image import Image, Platform


def images(call: Call, name: str | None) -> list[Image]:
    """The image that is named; of the recipe's build, the images of every platform, or those of `--platform`."""
    from fromscratch.flow.output import need_built

    if name:
        return [target(call, name).need_image()]
    return list(need_built(call.job.output, _asked_for(call)).images)


def all_images(call: Call, name: str | None) -> list[Image]:
    """The same, but of an image that is named all platforms too, or those of `--platform`."""
    from fromscratch.flow import images_by_name
    from fromscratch.host.images.layers import with_verified_layers

    found = (
        images_by_name.find_all(name, call.store, call.platforms, progress=call.progress, limits=call.limits)
        if name
        else images(call, None)
    )
    return with_verified_layers(found, call.store)


def target(call: Call, name: str | None) -> Found:
    """The image that is named, else that of the recipe's build. Raises UsageError, NotFetched."""
    from fromscratch.flow import images_by_name
    from fromscratch.flow.output import need_built

    if name:
        return images_by_name.find(name, call.store, call.platforms, progress=call.progress, limits=call.limits)
    job = call.job
    built = need_built(job.output, _asked_for(call))
    return images_by_name.of_build(job.output, built.images, built.evidence, _asked_for(call))


def _asked_for(call: Call) -> tuple[Platform, ...]:
    """The platforms that the call or else the recipe names: a build made for others may be the one that is meant."""
    return call.job.platforms if call.platforms or call.job.recipe.platforms else ()
