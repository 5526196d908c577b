"""How static files are stored outside DEBUG: compressed, under names that hold a hash.

A deploy must not mix the modules of two versions, so the imports between them are hashed, too.
"""

from __future__ import annotations

from typing import ClassVar

from servestatic.storage import CompressedManifestStaticFilesStorage

# Django's `support_js_module_import_aggregation` rewrites imports in the files of all packages. A
# comment in htmx's socket extension has `import("../htmx")`, which is no file: that fails.
OWN_MODULES = "js/*.js"
IMPORTS = (
    (r'(?P<matched>\bfrom "(?P<url>\.[^"]+)";)', 'from "%(url)s";'),
    (r'(?P<matched>\bimport "(?P<url>\.[^"]+)";)', 'import "%(url)s";'),
)


class HashedModuleStorage(CompressedManifestStaticFilesStorage):
    """Rewrites the imports of our own modules to hashed names; they must not import in a circle."""

    patterns: ClassVar = (
        *CompressedManifestStaticFilesStorage.patterns,
        (OWN_MODULES, IMPORTS),
    )
