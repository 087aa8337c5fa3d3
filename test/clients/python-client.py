"""Asks a Hub endpoint everything that whatever huggingface_hub this interpreter has can ask.

Reads one JSON question from standard input and prints one JSON line for each operation: its answer, or the name and
the words of its error, which is an answer, too. The endpoint and the token come from the environment, as for any user.
"""

import functools
import hashlib
import json
import os
import subprocess
import sys

import huggingface_hub

question = json.load(sys.stdin)
model = question["model"]
paths = question["paths"]
home = os.environ["HF_HOME"]
absent = "no-such-file"
stranger = "nobody/admitted-this"
api = huggingface_hub.HfApi()


def listing_of(entries):
    files, folders = {}, []
    for entry in entries:
        if not hasattr(entry, "size"):
            folders.append(entry.path)
            continue
        files[entry.path] = {
            "size": entry.size,
            "oid": entry.blob_id,
            "sha256": entry.lfs.sha256 if entry.lfs else None,
            "xet": getattr(entry, "xet_hash", None),
        }
    return {"form": "listing", "listing": files, "folders": folders}


def snapshot_download():
    return {"form": "folder", "folder": huggingface_hub.snapshot_download(model, cache_dir=f"{home}/snapshot")}


def snapshot_download_local_dir():
    folder = huggingface_hub.snapshot_download(model, local_dir=f"{home}/local")
    return {"form": "folder", "folder": folder}


def hf_hub_download():
    cache = f"{home}/one-by-one"
    return {
        "form": "files",
        "files": {path: huggingface_hub.hf_hub_download(model, path, cache_dir=cache) for path in paths},
    }


def command(*arguments, fails=False):
    """What one call of the command line says that came with this interpreter's huggingface_hub."""
    folder = os.path.dirname(sys.executable)
    program = next(name for name in ("hf", "huggingface-cli") if os.path.exists(os.path.join(folder, name)))
    ran = subprocess.run([os.path.join(folder, program), *arguments], capture_output=True, text=True, timeout=120)
    if (ran.returncode != 0) != fails:
        raise RuntimeError(f"{program} ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-1500:]}")
    return ran.stdout + ran.stderr


def hf_download():
    command("download", model)
    return {"form": "cache", "folder": f"{home}/hub"}


def hf_cache_verify():
    """Holds what `hf download` left in the cache against what the endpoint says; fails where they differ."""
    said = command("cache", "verify", model, "--fail-on-missing-files")
    return {"form": "facts", "facts": {"verified": True}, "said": said[-300:]}


def model_info():
    info = api.model_info(model, files_metadata=True)
    files = {
        sibling.rfilename: {
            "size": sibling.size,
            "oid": sibling.blob_id,
            "sha256": sibling.lfs["sha256"] if isinstance(sibling.lfs, dict) else getattr(sibling.lfs, "sha256", None),
        }
        for sibling in info.siblings
    }
    return {"form": "listing", "id": info.id, "sha": info.sha, "listing": files}


def list_repo_tree():
    return listing_of(api.list_repo_tree(model, recursive=True))


def list_repo_tree_expand():
    entries = list(api.list_repo_tree(model, recursive=True, expand=True))
    answer = listing_of(entries)
    answer["lastCommits"] = sorted({entry.last_commit.oid for entry in entries if entry.last_commit})
    return answer


def get_paths_info():
    return {**listing_of(api.get_paths_info(model, paths)), "asked": paths}


def list_repo_refs():
    refs = api.list_repo_refs(model)
    return {"form": "refs", "branches": {ref.name: ref.target_commit for ref in refs.branches}}


def list_repo_commits():
    return {"form": "commits", "commits": [commit.commit_id for commit in api.list_repo_commits(model)]}


def repo_exists():
    return {"form": "facts", "facts": {"exists": api.repo_exists(model)}}


def file_exists():
    facts = {"present": api.file_exists(model, paths[0]), "absent": api.file_exists(model, absent)}
    return {"form": "facts", "facts": facts}


def get_hf_file_metadata():
    files, commits = {}, set()
    for path in paths:
        found = huggingface_hub.get_hf_file_metadata(huggingface_hub.hf_hub_url(model, path))
        files[path] = {"size": found.size, "etag": found.etag, "xet": found.xet_file_data and "given"}
        commits.add(found.commit_hash)
    return {"form": "listing", "sha": commits.pop() if len(commits) == 1 else None, "asked": paths, "listing": files}


def file_system_ls():
    file_system = huggingface_hub.HfFileSystem()
    files, folders, ahead = {}, [], [model]
    while ahead:
        for entry in file_system.ls(ahead.pop(), detail=True):
            path = entry["name"][len(model) + 1 :]
            if entry["type"] == "directory":
                folders.append(path)
                ahead.append(entry["name"])
            else:
                lfs = entry.get("lfs")
                files[path] = {"size": entry["size"], "oid": entry["blob_id"], "sha256": lfs and lfs["sha256"]}
    return {"form": "listing", "listing": files, "folders": folders}


def file_system_seek():
    """Ranges out of the middle, the start and the end of a large file."""
    found = []
    with huggingface_hub.HfFileSystem().open(f"{model}/{question['probe']['path']}", "rb", block_size=1 << 20) as file:
        for offset, length in question["probe"]["ranges"]:
            file.seek(offset)
            found.append(hashlib.sha256(file.read(length)).hexdigest())
    return {"form": "facts", "facts": {"ranges": found}}


def model_info_revisions():
    shas = {api.model_info(model, revision=revision).sha for revision in (question["commit"], "main", "production")}
    return {"form": "facts", "facts": {"shas": sorted(shas)}}


def repo_exists_not_admitted():
    return {"form": "facts", "facts": {"exists": api.repo_exists(stranger)}}


def refusal(reason, attempt):
    """The class of the error that an attempt raises, and whether its words hold the reason."""
    try:
        attempt()
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__.removeprefix('Remote')}, {'' if reason in str(error) else 'not '}saying why"
    return "none"


def refusals():
    """The errors that programs tell apart by their class, each with the reason that a person needs."""
    # A cache of their own: on a refusal, whatever is cached is taken in place of an error.
    download = functools.partial(huggingface_hub.hf_hub_download, cache_dir=f"{home}/refused")
    facts = {
        "model": refusal("weighlock admit", lambda: download(stranger, "config.json")),
        "snapshot": refusal("weighlock admit", lambda: huggingface_hub.snapshot_download(stranger)),
        "revision": refusal(question["commit"], lambda: download(model, "config.json", revision="v99")),
        "file": refusal("as it was admitted", lambda: download(model, absent)),
        "token": refusal("set HF_TOKEN", lambda: download(model, "config.json", token="hf_" + "x" * 34)),
        "no token": refusal("set HF_TOKEN", lambda: download(model, "config.json", token=False)),
    }
    return {"form": "facts", "facts": facts}


def hf_download_not_admitted():
    """Its last words are judged: that they hold the reason."""
    said = command("download", stranger, fails=True)
    return {"form": "facts", "facts": {"saysWhy": "weighlock admit" in said}}


def auto_config():
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model, cache_dir=f"{home}/config")
    return {"form": "facts", "facts": {"type": config.model_type, "hidden": config.hidden_size}}


def auto_tokenizer():
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(model, cache_dir=f"{home}/tokenizer")(question["sentence"])
    local = AutoTokenizer.from_pretrained(question["folder"])(question["sentence"])
    return {"form": "facts", "facts": {"same": tokens["input_ids"] == local["input_ids"], "some": len(tokens) > 0}}


def auto_config_not_admitted():
    from transformers import AutoConfig

    said = refusal("weighlock admit", lambda: AutoConfig.from_pretrained(stranger))
    return {"form": "facts", "facts": {"refusal": said}}


NAMES = {
    "snapshot_download": snapshot_download,
    "snapshot_download (local_dir)": snapshot_download_local_dir,
    "hf_hub_download": hf_hub_download,
    "hf download": hf_download,
    "hf cache verify": hf_cache_verify,
    "model_info": model_info,
    "list_repo_tree": list_repo_tree,
    "list_repo_tree (expand)": list_repo_tree_expand,
    "get_paths_info": get_paths_info,
    "get_hf_file_metadata": get_hf_file_metadata,
    "list_repo_refs": list_repo_refs,
    "list_repo_commits": list_repo_commits,
    "repo_exists": repo_exists,
    "repo_exists (not admitted)": repo_exists_not_admitted,
    "model_info (commit, channel)": model_info_revisions,
    "refusals": refusals,
    "hf download (not admitted)": hf_download_not_admitted,
    "AutoConfig (not admitted)": auto_config_not_admitted,
    "file_exists": file_exists,
    "HfFileSystem.ls": file_system_ls,
    "HfFileSystem.open, seek": file_system_seek,
    "AutoConfig": auto_config,
    "AutoTokenizer": auto_tokenizer,
}

for name in question["operations"]:
    try:
        line = {"operation": name, "answer": NAMES[name]()}
    except Exception as error:  # noqa: BLE001  (every error is an answer to the judge)
        line = {"operation": name, "error": type(error).__name__, "message": str(error)[:2000]}
    print(json.dumps(line), flush=True)
