"""`autotools-dir`: where the files for Autotools lie."""

from fromscratch.cli.call import Call


def autotools_dir(call: Call) -> None:
    from fromscratch.host.machine.package_data import shipped

    call.say(str(shipped("integrations") / "autotools"))
