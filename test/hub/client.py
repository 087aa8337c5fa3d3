"""Asks a Hub endpoint what the test wants to know, with whatever huggingface_hub this interpreter has.

Reads one JSON request from standard input, prints one JSON answer. Errors are answers: the name of their class.
"""

import hashlib
import json
import os
import sys

request = json.load(sys.stdin)
os.environ["HF_ENDPOINT"] = request["endpoint"]
os.environ["HF_HOME"] = request["home"]
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
for name in ("HF_TOKEN", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
    os.environ.pop(name, None)

import huggingface_hub  # noqa: E402  (reads its configuration from the environment when imported)

api = huggingface_hub.HfApi(endpoint=request["endpoint"], token=request.get("token") or False)
model = request["model"]
revision = request.get("revision")
token = request.get("token") or False


def digests(folder):
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def snapshot():
    return digests(huggingface_hub.snapshot_download(model, revision=revision, token=token))


def local_folder():
    target = os.path.join(request["home"], "local")
    huggingface_hub.snapshot_download(model, revision=revision, token=token, local_dir=target)
    found = digests(target)
    return {path: digest for path, digest in found.items() if not path.startswith(".cache")}


def one_file():
    path = huggingface_hub.hf_hub_download(model, request["path"], revision=revision, token=token)
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def tree():
    entries = api.list_repo_tree(model, revision=revision, recursive=True, expand=request.get("expand", False))
    files = [entry for entry in entries if hasattr(entry, "size")]
    return {entry.path: [entry.size, entry.lfs.sha256 if entry.lfs else entry.blob_id] for entry in files}


def info():
    found = api.model_info(model, revision=revision, files_metadata=True, securityStatus=True)
    return {"id": found.id, "sha": found.sha, "files": sorted(sibling.rfilename for sibling in found.siblings)}


def refs():
    found = api.list_repo_refs(model, include_pull_requests=True)
    named = [*found.branches, *found.tags, *(found.pull_requests or [])]
    return {ref.ref: ref.target_commit for ref in named}


def paths_info():
    return {entry.path: entry.size for entry in api.get_paths_info(model, [request["path"]], revision=revision)}


def commits():
    return [commit.commit_id for commit in api.list_repo_commits(model, revision=revision)]


def file_system():
    file_system = huggingface_hub.HfFileSystem(endpoint=request["endpoint"], token=token)
    with file_system.open(f"{model}/{request['path']}", "rb") as file:
        file.seek(request["offset"])
        return hashlib.sha256(file.read(request["length"])).hexdigest()


def who_am_i():
    return api.whoami()["name"]


answers = {
    function.__name__: function
    for function in (snapshot, local_folder, one_file, tree, info, refs, paths_info, commits, file_system, who_am_i)
}
try:
    answer = {"value": answers[request["ask"]]()}
except Exception as error:  # noqa: BLE001  (every error is an answer to the test)
    answer = {"error": type(error).__name__, "message": str(error)}
json.dump({"version": huggingface_hub.__version__, **answer}, sys.stdout)
