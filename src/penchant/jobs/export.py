"""`penchant models export`: a saved version as one that answers without torch."""

from dataclasses import replace

from penchant.core.log import logger
from penchant.jobs.publish import check, live
from penchant.scenarios.project import Project

FROM = "exported_from"  # in the facts of a version: the one it was made of


def export(project: Project, version: str, *, int8: bool = False, publish: bool = False) -> tuple[str, str]:
    """Save what answers as `version` does, without torch, as a new version of the same name; a name alone means its live version.

    Returns the new version and why it was not published (empty = it is live). Raises ArtifactError, and ConfigError where
    `version` needs no torch.
    """
    from penchant.models.export import export as exported  # needs torch and onnx, which `penchant models list` does not

    version = version if "/" in version else live(project, version)
    artifact = exported(project.artifacts.get(version), int8=int8)
    artifact = replace(artifact, facts={**artifact.facts, FROM: version})
    fresh = project.artifacts.put(version.partition("/")[0], artifact)
    problem = check(project, artifact) if publish else "not asked for"
    if not problem:
        project.artifacts.publish(fresh)
    elif publish:
        logger.warning("%s: not published: %s; what was live stays live", fresh, problem)
    return fresh, problem
