"""`cmake-dir`: where the CMake module lies."""

from fromscratch.cli.call import Call


def cmake_dir(call: Call) -> None:
    from fromscratch.host.machine.package_data import shipped

    call.say(str(shipped("integrations") / "cmake"))
