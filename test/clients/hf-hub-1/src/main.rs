//! Asks an endpoint what hf-hub 1 can ask, and prints a line of JSON for each operation. `HF_ENDPOINT` names the
//! endpoint, `HF_TOKEN` the token, `HF_HOME` the cache.
//!
//!     hf-hub-1 <model> <path…>

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use futures::TryStreamExt;
use hf_hub::repository::RepoTreeEntry;
use hf_hub::{split_id, HFClient, HFRepository, HFResult, RepoTypeModel};
use serde_json::{json, Map, Value};

const ABSENT: &str = "no-such-file";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(ask(&arguments[0], &arguments[1..]));
}

async fn ask(id: &str, paths: &[String]) {
    let (owner, name) = split_id(id);
    let client = HFClient::new().expect("a client");
    let model = client.model(owner, name);
    print("info", info(&model).await);
    print("list_tree", tree(&model).await);
    print("get_paths_info", paths_info(&model, paths).await);
    print("get_file_metadata", metadata(&model, paths).await);
    print("list_refs", refs(&model).await);
    print("list_commits", commits(&model).await);
    print("exists", exists(&model).await);
    print("file_exists", file_exists(&model, paths).await);
    let cache = std::env::var("HF_HOME").expect("HF_HOME");
    print("download_file", files(&model, paths, &Path::new(&cache).join("one-by-one")).await);
    let snapshot = model.snapshot_download().send().await;
    print("snapshot_download", snapshot.map(|folder| json!({ "form": "folder", "folder": folder })));
}

type Model = HFRepository<RepoTypeModel>;

async fn info(model: &Model) -> HFResult<Value> {
    let info = model.info().send().await?;
    let listing: Map<String, Value> = info
        .siblings
        .unwrap_or_default()
        .into_iter()
        .map(|sibling| (sibling.rfilename, json!({})))
        .collect();
    Ok(json!({ "form": "listing", "id": info.id, "sha": info.sha, "listing": listing }))
}

async fn tree(model: &Model) -> HFResult<Value> {
    let entries: Vec<RepoTreeEntry> = model.list_tree().recursive(true).send()?.try_collect().await?;
    Ok(listing(entries))
}

async fn paths_info(model: &Model, paths: &[String]) -> HFResult<Value> {
    let mut answer = listing(model.get_paths_info().paths(paths.to_vec()).send().await?);
    answer["asked"] = json!(paths);
    Ok(answer)
}

async fn metadata(model: &Model, paths: &[String]) -> HFResult<Value> {
    let mut found = Map::new();
    let mut sha = Value::Null;
    for path in paths {
        let got = model.get_file_metadata().filepath(path).send().await?;
        sha = json!(got.commit_hash);
        found.insert(path.clone(), json!({ "size": got.file_size, "etag": got.etag, "xet": got.xet_hash }));
    }
    Ok(json!({ "form": "listing", "sha": sha, "asked": paths, "listing": found }))
}

async fn refs(model: &Model) -> HFResult<Value> {
    let refs = model.list_refs().send().await?;
    let branches: BTreeMap<String, String> =
        refs.branches.into_iter().map(|branch| (branch.name, branch.target_commit)).collect();
    Ok(json!({ "form": "refs", "branches": branches }))
}

async fn commits(model: &Model) -> HFResult<Value> {
    let commits: Vec<_> = model.list_commits().send()?.try_collect().await?;
    let ids: Vec<String> = commits.into_iter().map(|commit: hf_hub::repository::GitCommitInfo| commit.id).collect();
    Ok(json!({ "form": "commits", "commits": ids }))
}

async fn exists(model: &Model) -> HFResult<Value> {
    Ok(json!({ "form": "facts", "facts": { "exists": model.exists().send().await? } }))
}

async fn file_exists(model: &Model, paths: &[String]) -> HFResult<Value> {
    let present = model.file_exists().filename(&paths[0]).send().await?;
    let absent = model.file_exists().filename(ABSENT).send().await?;
    Ok(json!({ "form": "facts", "facts": { "present": present, "absent": absent } }))
}

async fn files(model: &Model, paths: &[String], folder: &Path) -> HFResult<Value> {
    let mut files = Map::new();
    for path in paths {
        let file = model.download_file().filename(path).local_dir(folder.to_path_buf()).send().await?;
        files.insert(path.clone(), json!(file));
    }
    Ok(json!({ "form": "files", "files": files }))
}

fn listing(entries: Vec<RepoTreeEntry>) -> Value {
    let mut listing = Map::new();
    let mut folders = Vec::new();
    for entry in entries {
        match entry {
            RepoTreeEntry::File { path, size, oid, lfs, xet_hash, .. } => {
                let sha256 = lfs.and_then(|lfs| lfs.sha256);
                listing.insert(path, json!({ "size": size, "oid": oid, "sha256": sha256, "xet": xet_hash }));
            }
            RepoTreeEntry::Directory { path, .. } => folders.push(path),
        }
    }
    json!({ "form": "listing", "listing": listing, "folders": folders })
}

fn print<E: Display>(operation: &str, answer: Result<Value, E>) {
    match answer {
        Ok(answer) => println!("{}", json!({ "operation": operation, "answer": answer })),
        Err(error) => {
            println!("{}", json!({ "operation": operation, "error": "HFError", "message": error.to_string() }))
        }
    }
}
