"""What systemd would make for a service before it starts it: its folders, and those of simple commands before it."""

from msgspec.structs import replace

from fromscratch.errors import ImageError
from fromscratch.formats.systemd_unit import Folder
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import Directory, Meta, Origin, Symlink
from fromscratch.paths import tree_path
from fromscratch.transforms.scripted.units import Found, program, services
from fromscratch.transforms.shell.commands.accounts.present import account_files, primary_group
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood

_BEFORE = frozenset({"chmod", "chown", "install", "ln", "mkdir", "touch"})


def make_unit_folders(machine: Machine) -> None:
    """Make the folders of every service whose program the tree has, owned by its user.

    Of the commands before its own those are followed that make folders and links. A user that is missing is noted as
    left out.
    """
    for found in services(machine.tree):
        one = found.service
        if not one.commands or program(machine.tree, one.commands[0].words[0]) is None:
            continue
        before = machine.package, machine.script, machine.line
        machine.package, machine.script, machine.line = _package(machine, found), f"{one.name}.service", 0
        try:
            _prepare(machine, found)
        finally:
            machine.package, machine.script, machine.line = before


def _package(machine: Machine, found: Found) -> str:
    shipped = next((origin.detail for origin in found.origins if origin.reason == "shipped in"), "")
    name = shipped.split(" ")[0]
    return name if name in machine.packages else found.service.name


def _prepare(machine: Machine, found: Found) -> None:
    owner = _owner(machine, found)
    if owner is None:
        return
    because = found.origins[0] if found.origins else None
    for folder in found.service.folders:
        origin = Origin(machine.label, "made by", f"{folder.setting}= of {found.path}", because)
        try:
            make_folder(machine.tree, folder, owner if folder.is_owned else Meta(0), origin)
        except ImageError as error:
            machine.leave_out(f"{folder.setting}={folder.path}", str(error), "folder")
    for before in found.service.before:
        call = Call(before.words)
        command = COMMANDS.get(call.name)
        if command is None or call.name not in _BEFORE:
            continue
        try:
            command.run(machine, call)
        except (NotUnderstood, ImageError) as error:
            machine.leave_out(" ".join(before.words), str(error), "folder")


def _owner(machine: Machine, found: Found) -> Meta | None:
    """The numbers that a service runs with, as those of a Meta; None where the tree does not have its user or group.

    A user that systemd would only make while the service runs gets an account of its own.
    """
    one, accounts = found.service, account_files(machine)
    user = one.user or (one.name.partition("@")[0] if one.dynamic_user else "")
    if one.dynamic_user and not user.isdigit() and accounts.users.find(user) is None:
        _add_dynamic_user(machine, found, user)
        accounts = account_files(machine)
    uid, gid = 0, 0
    if user:
        row = accounts.users.find(user) or (accounts.users.numbered(int(user)) if user.isdigit() else None)
        if row is None:
            machine.leave_out(f"User={user}", f"there is no account {user}", "account")
            return None
        uid, gid = int(row[2]), int(row[3])
    if one.group:
        number = primary_group(accounts, one.group)
        if number is None:
            machine.leave_out(f"Group={one.group}", f"there is no group {one.group}", "account")
            return None
        gid = number
    return Meta(0, uid, gid)


def _add_dynamic_user(machine: Machine, found: Found, user: str) -> None:
    accounts = account_files(machine)
    uid = accounts.number(user)
    if uid is None:
        return
    gid = primary_group(accounts, user)
    if gid is None:
        gid = accounts.own_group_number(user, uid) or uid
        accounts.add_group(user, gid)
    accounts.add_user(user, uid, gid, comment="", home="/", shell="/usr/sbin/nologin", password="!*")
    because = found.origins[0] if found.origins else None
    accounts.save(Origin(machine.label, "made by", f"DynamicUser= of {found.path}", because))


def make_folder(tree: ChangingTree, folder: Folder, owner: Meta, origin: Origin) -> None:
    """Make a folder where nothing is; one that is there is given to its user with all below it, if it is root's."""
    path = tree_path(folder.path)
    present = tree.find(path)
    if present is None:
        tree.put(path, Directory(replace(owner, mode=folder.mode), (origin,)))
    elif owner.uid and present.meta.uid == 0 and isinstance(present, Directory):
        for place in [*tree.within(tree.resolve(path))]:
            entry = tree.find(place, follow_last=False)
            if entry is not None:
                tree.change_meta(place, replace(entry.meta, uid=owner.uid, gid=owner.gid))
    if folder.link and tree.find(folder.link, follow_last=False) is None:
        link = tree_path(folder.link)
        tree.put(link, Symlink(Meta(0o777), path, (origin,)))
