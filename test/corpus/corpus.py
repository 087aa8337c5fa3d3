"""Writes files of the corpus and keeps its manifest.

A `Part` is one folder of the corpus, made anew by one script: what it adds is written below the folder, and `close`
replaces the folder's entries in manifest.json.
"""
import json
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parent
FILE_BYTES_MAX = 20_000


class Part:
    def __init__(self, folder, kind, **fixed):
        self.folder = folder
        self.fixed = {"kind": kind, **fixed}
        self.entries = []
        shutil.rmtree(ROOT / folder, ignore_errors=True)

    def add(self, name, data, **about):
        """Writes one file and its entry. `about` holds family, note and what differs from the part's own."""
        path = self.write(name, data)
        self.enter(path, **about)

    def add_repo(self, name, files, **about):
        """Writes a folder of several files, which is judged as one repo, and its one entry."""
        for relative, data in files.items():
            self.write(f"{name}/{relative}", data)
        self.enter(f"{self.folder}/{name}", repo=True, **about)

    def write(self, name, data):
        target = ROOT / self.folder / name
        if target.exists():
            raise SystemExit(f"two files of one name: {name}")
        if len(data) > FILE_BYTES_MAX:
            raise SystemExit(f"{name} is larger than a file of the corpus may be: {len(data)}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())
        return f"{self.folder}/{name}"

    def enter(self, path, **about):
        entry = {"path": path, "family": None, "weightsOnly": False, "blind": False, **self.fixed, **about}
        order = ["path", "family", "kind", "expect", "weightsOnly", "blind", "madeBy", "repo", "rule", "note"]
        self.entries.append({key: entry[key] for key in order if key in entry})

    def close(self):
        manifest = ROOT / "manifest.json"
        kept = json.loads(manifest.read_text()) if manifest.exists() else []
        kept = [entry for entry in kept if not entry["path"].startswith(f"{self.folder}/")]
        both = sorted(kept + self.entries, key=lambda entry: entry["path"])
        lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=True) for entry in both)
        manifest.write_text(f"[\n{lines}\n]\n")
        print(f"{self.folder}: {len(self.entries)} entries")
