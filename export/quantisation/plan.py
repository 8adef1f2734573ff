"""What of a graph is computed in int8, and how its activations are rounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Site(StrEnum):
    """A tensor that can be rounded, by the name of the products that take it.

    It is rounded once for all of them.
    """

    EMBEDDINGS = "embeddings"
    HIDDEN = "query/key/value"
    SCORES = "query x key"
    CONTEXT = "dense"
    ATTENDED = "ffn"
    ACTIVATED = "ffn_output"


class Rounding(StrEnum):
    """How a site's values become 8-bit codes, from the fastest to the most exact."""

    STATIC = "static"  # one scale for all tokens, known at export; of embeddings, one a row
    SMOOTHED = "smoothed"  # static, after outlying channels were made smaller
    PER_TOKEN = "per-token"  # a scale for each token, found at run time
    NONE = "fp32"


SITE_OF_PRODUCT = {
    "query": Site.HIDDEN,
    "key": Site.HIDDEN,
    "value": Site.HIDDEN,
    "dense": Site.CONTEXT,
    "ffn": Site.ATTENDED,
    "ffn_output": Site.ACTIVATED,
}
"""Which site a product takes, by the last part of its weights' name."""

ROUNDINGS: Mapping[Site, tuple[Rounding, ...]] = {
    site: (Rounding.STATIC, Rounding.NONE)
    if site in (Site.EMBEDDINGS, Site.SCORES)
    else tuple(Rounding)
    for site in Site
}
"""What a site can be, in the order in which it is tried."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How each site is rounded; those that are not named are static."""

    exceptions: tuple[tuple[Site, Rounding], ...] = ()

    def __getitem__(self, site: Site) -> Rounding:
        return dict(self.exceptions).get(site, Rounding.STATIC)

    def but(self, site: Site, rounding: Rounding) -> "Plan":
        """Return this plan with another rounding of one site."""
        chosen = dict(self.exceptions) | {site: rounding}
        kept = (each for each in Site if chosen.get(each, Rounding.STATIC) is not Rounding.STATIC)
        return Plan(tuple((each, chosen[each]) for each in kept))

    def __str__(self) -> str:
        if not self.exceptions:
            return "all static"
        return "static, but " + ", ".join(f"{site}: {kind}" for site, kind in self.exceptions)
