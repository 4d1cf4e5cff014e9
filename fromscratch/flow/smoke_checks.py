"""The smoke checks of a build: each image is run before it is packed; what came goes into the evidence, or ends it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.advice import advice
from fromscratch.checks.contract import Check, Results, ScriptCheck
from fromscratch.errors import MissingTool
from fromscratch.flow import evidence
from fromscratch.flow.evidence import CheckEvidence
from fromscratch.flow.output import Built
from fromscratch.host.storage.store import Store
from fromscratch.limits import Limits
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import Progress
from fromscratch.recipe.checks import CheckMode
from fromscratch.recipe.schema import Recipe


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be checked: by the recipe, as its `mode` says, and always by the call. Roots are made in the store."""

    of_recipe: tuple[Check, ...] = ()
    of_call: tuple[Check, ...] = ()
    mode: CheckMode = "error"
    store: Store
    progress: Progress


def planned(recipe: Recipe, folder: Path, of_call: Sequence[Check], store: Store, progress: Progress) -> Plan:
    """The plan of a recipe that lies in `folder`, and of a call."""
    return Plan(
        of_recipe=recipe.smoke_checks(folder) if recipe.smoke_check != "off" else (),
        of_call=tuple(of_call),
        mode=recipe.smoke_check,
        store=store,
        progress=progress,
    )


class SmokeChecks:
    """The smoke checks of one build, a platform at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._results: dict[Platform, Results] = {}

    def allow(self, platform: Platform, tree: Rootfs, config: RunConfig) -> bool:
        """Run an image and ask what is to be asked; whether it is to be made, and none before it was refused.

        A platform that this machine has no emulator of is noted, and its checks are not run. Raises MissingTool where
        no image can be run at all.
        """
        checks = (*self._plan.of_recipe, *self._plan.of_call)
        if not checks:
            return True
        self._results[platform] = self._performed(checks, platform, tree, config)
        return not any(map(self._refuses, self._results.values()))

    def report(self) -> None:
        """Raises ImageError for failures, and where checks of the call could be run for no platform."""
        if not any(results.failed or results.not_run for results in self._results.values()):
            return
        from fromscratch.checks.report import ChecksFailed

        for results in self._results.values():
            if self._refuses(results):
                raise ChecksFailed(results)
            if results.failed:
                failure = ChecksFailed(results)
                self._plan.progress.note(advice(failure.message, "\n  ", failure.hint))
        reasons = [results.not_run for results in self._results.values()]
        if self._plan.of_call and all(reasons):
            raise MissingTool(f"nothing was checked: {reasons[0]}", "leave the checks out, or install what is missing")

    def _refuses(self, results: Results) -> bool:
        """What the call asks is never a warning."""
        return any(self._plan.mode != "warn" or result.check in self._plan.of_call for result in results.failed)

    def recorded(self, platform: Platform) -> list[CheckEvidence]:
        """What the evidence of a platform's image holds of it."""
        found = self._results.get(platform)
        if found is None:
            return []
        if found.not_run:
            checks = (*self._plan.of_recipe, *self._plan.of_call)
            return [CheckEvidence(check.title, "not run", found.not_run) for check in checks]
        return [
            CheckEvidence(result.check.title, "passed" if result.passed else "failed", result.fault)
            for result in found.results
        ]

    def _performed(self, checks: Sequence[Check], platform: Platform, tree: Rootfs, config: RunConfig) -> Results:
        from fromscratch.checks.perform import perform
        from fromscratch.host.container.preparation import Invocation

        progress = self._plan.progress
        invocation = Invocation(
            tree=tree,
            config=config,
            workdir=self._plan.store.workspace("run", "roots"),
            platform=platform,
            progress=progress,
        )
        try:
            results = perform(checks, invocation)
        except MissingTool as error:
            if platform.architecture == Platform.of_this_machine().architecture and self._plan.mode != "warn":
                instead = "; `check: {smoke: warn}` in a recipe builds it unchecked"
                raise MissingTool(error.message, advice(error.hint, instead)) from error
            progress.note(f"{platform}: the image is not checked: {error.message}; {error.hint}")
            return Results(platform=str(platform), not_run=error.message)
        if not results.failed:
            return results
        from fromscratch.checks.diagnosis import explained

        return explained(results, invocation)


def check_again(plan: Plan, built: Built, folder: Path, limits: Limits) -> Built:
    """Check the images of an unchanged build in its folder as the call says; the evidence there holds that then."""
    from fromscratch.host.images.layers import root_tree

    checks = SmokeChecks(replace(plan, of_recipe=()))
    for image in built.images:
        checks.allow(image.platform, root_tree(image, plan.store, limits), image.config)
    checks.report()
    images = []
    for image, known in zip(built.images, built.evidence.images, strict=True):
        fresh = checks.recorded(image.platform)
        others = [each for each in known.checks if each.check not in {one.check for one in fresh}]
        images.append(replace(known, checks=[*others, *fresh]))
    proof = replace(built.evidence, images=images)
    evidence.write(folder, proof)
    return replace(built, evidence=proof)


def digest_of_scripts(checks: Sequence[Check]) -> str:
    """A digest over the scripts among the checks: with another one, the image is checked anew."""
    hasher = hashlib.sha256()
    for check in checks:
        if isinstance(check, ScriptCheck) and check.path.is_file():
            hasher.update(hashlib.sha256(check.path.read_bytes()).digest())
    return hasher.hexdigest()
