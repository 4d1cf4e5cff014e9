"""Releases of Buildroot whose digests are known, so that a recipe need not say them.

The digests are those in the signed list beside each release (buildroot-VERSION.tar.xz.sign).
"""

RELEASES = {
    "2026.02.3": "5a59e7501b0b4ec52c41f4bfa79412320e0b37eae5f719605a258e8d0c6fc7fb",
    "2026.05.1": "ae7f706f087b9ae9083a10a587368dfbf53103c28bf81c2d690198dc4090cb58",
}
NEWEST = "2026.05.1"
