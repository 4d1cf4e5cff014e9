"""Every verb there is: the modules that hold them, loaded, so that `VERBS` knows all. A new module is one word here."""

from fromscratch.cli.parsing.verb import VERBS
from fromscratch.cli.verbs import (
    build,
    bundle,
    clean,
    closure,
    cmake_dir,
    configure,
    fetch,
    import_,
    init,
    ls,
    pack,
    pull,
    push,
    run,
    schema,
    store,
)

__all__ = [
    "VERBS",
    "build",
    "bundle",
    "clean",
    "closure",
    "cmake_dir",
    "configure",
    "fetch",
    "import_",
    "init",
    "ls",
    "pack",
    "pull",
    "push",
    "run",
    "schema",
    "store",
]
