"""What an installation of cltv-ml is made of: `sbom.json` (CycloneDX 1.6) and `licences.csv`, from installed metadata.

Run: python deploy/sbom.py [folder] [extra ...], for example: python deploy/sbom.py dist postgres spark
"""

from __future__ import annotations

import csv
import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "cltv-ml"


def installed(extras: tuple[str, ...] = ()) -> dict[str, Distribution]:
    """Return the package and all that it needs here, by name; a requirement that is not installed is left out."""
    found: dict[str, Distribution] = {}
    waiting = [(ROOT, frozenset(extras))]
    done = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in done:
            continue
        done.add((name, wanted))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        for requirement in map(Requirement, found[name].requires or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return dict(sorted(found.items()))


def licence(package: Distribution) -> str:
    """Return a package's licence as its metadata state it: an expression, a classifier or a short text."""
    about = package.metadata
    classified = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or [] if "License ::" in line
    ]
    stated = (about.get("License") or "").strip().partition("\n")[0]
    return about.get("License-Expression") or ", ".join(classified) or stated or "not stated"


def bill(packages: dict[str, Distribution]) -> dict[str, Any]:
    """Return the bill of materials in CycloneDX's form."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{package.version}",
            "name": name,
            "version": package.version,
            "purl": f"pkg:pypi/{name}@{package.version}",
            "licenses": [{"license": {"name": licence(package)}}],
        }
        for name, package in packages.items()
    ]
    root = next(one for one in components if one["name"] == ROOT)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**root, "type": "application"}},
        "components": [one for one in components if one is not root],
    }


if __name__ == "__main__":
    folder, extras = Path(next(iter(sys.argv[1:]), "dist")), tuple(sys.argv[2:])
    packages = installed(extras)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sbom.json").write_text(json.dumps(bill(packages), indent=1), encoding="utf-8")
    with (folder / "licences.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(name, one.version, re.sub(r"\s+", " ", licence(one))) for name, one in packages.items()]
        csv.writer(file).writerows([("package", "version", "licence"), *rows])
    print(f"{len(packages)} packages: {folder / 'sbom.json'}, {folder / 'licences.csv'}")  # noqa: T201
