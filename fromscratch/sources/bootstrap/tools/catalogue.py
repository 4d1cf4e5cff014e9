"""The tools by their names in a recipe. A new one is one line here, and one module beside."""

from fromscratch.sources.bootstrap.options import ToolName
from fromscratch.sources.bootstrap.tools.apk import Apk
from fromscratch.sources.bootstrap.tools.contract import Tool
from fromscratch.sources.bootstrap.tools.debootstrap import Debootstrap
from fromscratch.sources.bootstrap.tools.dnf import Dnf
from fromscratch.sources.bootstrap.tools.mmdebstrap import Mmdebstrap
from fromscratch.sources.bootstrap.tools.pacstrap import Pacstrap
from fromscratch.sources.bootstrap.tools.zypper import Zypper

TOOLS: dict[ToolName, Tool] = {
    "debootstrap": Debootstrap(),
    "mmdebstrap": Mmdebstrap(),
    "dnf": Dnf(),
    "zypper": Zypper(),
    "pacstrap": Pacstrap(),
    "apk": Apk(),
}
