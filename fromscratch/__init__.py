"""Container images from any root filesystem source: the names that programs may import.

These names are what programs may rely on; docs/library.md shows them at work. Importing the package loads none of
them: each is looked up where it lives when it is first used, so that a command pays for what it needs alone.
"""

TYPE_CHECKING = False  # typing's own would be an import
if TYPE_CHECKING:
    from fromscratch.errors import ImageError
    from fromscratch.flow.assembly import Job, build, fetch
    from fromscratch.flow.delivery import deliver
    from fromscratch.flow.images_by_name import find as find_image
    from fromscratch.host.storage.store import Store
    from fromscratch.limits import Limits
    from fromscratch.model.image import Image, Platform
    from fromscratch.proof.validate import validate
    from fromscratch.recipe.schema import load as load_recipe
else:
    _LIVES_IN = {
        "Image": "model.image",
        "ImageError": "errors",
        "Job": "flow.assembly",
        "Limits": "limits",
        "Platform": "model.image",
        "Store": "host.storage.store",
        "build": "flow.assembly",
        "deliver": "flow.delivery",
        "fetch": "flow.assembly",
        "find_image": "flow.images_by_name:find",
        "load_recipe": "recipe.schema:load",
        "validate": "proof.validate",
    }

    def __getattr__(name):
        if name not in _LIVES_IN:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module, _, other_name = _LIVES_IN[name].partition(":")
        found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), other_name or name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__})


__version__ = "0.1.0"
__all__ = [
    "Image",
    "ImageError",
    "Job",
    "Limits",
    "Platform",
    "Store",
    "__version__",
    "build",
    "deliver",
    "fetch",
    "find_image",
    "load_recipe",
    "validate",
]
