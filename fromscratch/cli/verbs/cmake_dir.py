"""`cmake-dir`: where the CMake module lies."""

from fromscratch.cli.call import Call
from fromscratch.cli.parsing.verb import verb


@verb(without=("recipe", "store_dir", "platform", "output"))
def cmake_dir(call: Call) -> None:
    """Print the folder that holds the CMake module, for CMAKE_PREFIX_PATH or CMAKE_MODULE_PATH."""
    from fromscratch.host.machine.package_data import shipped

    call.say(str(shipped("integrations") / "cmake"))
