"""What an environment sees of its version on disk: the trees of its code and its layers, or the root of its image.

Owns: where they are, and an empty folder for what there isn't. Refuses: making them (`package`, `images/tree`).
"""

from pathlib import Path

from samovar.engine.images import tree
from samovar.engine.model import Version
from samovar.engine.package import is_file, is_folder


class Trees:
    def __init__(self, code: Path, images: Path, nothing: Path) -> None:
        """`code`: folder of unpacked packages, `images`: of unpacked images. `nothing`: a folder for an empty one."""
        self._code = code
        self._images = images
        self._nothing = nothing
        nothing.mkdir(parents=True, exist_ok=True)
        nothing.chmod(0o755)  # mkdir's mode is subject to the umask

    def mounts(self, version: Version) -> list[tuple[Path, str]]:
        """Folders of the host, and where a box shows them."""
        if version.root is not None:
            return [(self._images / version.root.tree, "/")]
        return [(self._tree(version.code), "/var/task"), (self._tree(version.layers), "/opt")]

    def has_certificates(self, version: Version) -> bool:
        """Whether its root shows what programs are to trust (`trust`)."""
        return version.root is None or tree.has_certificates(self._images, version.root.tree)

    def extensions(self, version: Version) -> list[str]:
        """The names of its external extensions: the files directly in /opt/extensions. One that can't be executed is
        an extension that can't be launched, as on AWS."""
        if version.root is not None:
            return tree.extensions(self._images / version.root.tree)
        if not version.layers:
            return []
        folder = self._code / version.layers / "extensions"
        if not folder.is_dir():
            return []
        return sorted(entry.name for entry in folder.iterdir() if is_file(entry))

    def _tree(self, name: str) -> Path:
        """A package's, a stack's, or the host's own folder (hot reload), which may have gone since."""
        found = self._code / name
        return found if name and (not is_folder(name) or found.is_dir()) else self._nothing
