"""Stores static files outside DEBUG: compressed, with a hash in their names.

A page must not mix the modules of two versions, so the imports between them have the hashes, too.
"""

from __future__ import annotations

from typing import ClassVar

from servestatic.storage import CompressedManifestStaticFilesStorage

# Django's `support_js_module_import_aggregation` rewrites imports in the files of all packages. It
# fails for a comment in htmx's socket extension, which has `import("../htmx")`: there is no such
# file.
OWN_MODULES = "js/*.js"
IMPORTS = (
    (r'(?P<matched>\bfrom "(?P<url>\.[^"]+)";)', 'from "%(url)s";'),
    (r'(?P<matched>\bimport "(?P<url>\.[^"]+)";)', 'import "%(url)s";'),
)


class HashedModuleStorage(CompressedManifestStaticFilesStorage):
    """Rewrites the imports of this project's modules to hashed names. Circles are not allowed."""

    patterns: ClassVar = (
        *CompressedManifestStaticFilesStorage.patterns,
        (OWN_MODULES, IMPORTS),
    )
