"""What is said of the verdict on a small image."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fromscratch.proof.verdict import Verdict


def lines(verdict: "Verdict") -> list[str]:
    """A line with the verdict, one for what was added before it, and one for what was not compared."""
    from fromscratch.cli.output.sizes import counted

    head = f"  proven: {counted(len(verdict.checks), 'check', 'checks')} passed as in the full image"
    found = [f"{head}, and no file was missed" if verdict.proven else "  not proven"]
    if verdict.repaired:
        added = counted(len(verdict.repaired), "path", "paths")
        found.append(f"  {added} added that the runs of the full image did not show")
    if verdict.varying:
        found.append(f"  output not compared, since each run has another: {', '.join(verdict.varying)}")
    return found


def facts(verdict: "Verdict") -> dict[str, Any]:
    """The same for a program to read."""
    import msgspec

    return {"proven": verdict.proven, **msgspec.to_builtins(verdict)}
