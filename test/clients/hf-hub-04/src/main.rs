//! Downloads a model with hf-hub 0.4, by its blocking and its asynchronous half, as TGI and candle do, and prints a line
//! of JSON for each operation. `HF_ENDPOINT` names the endpoint, `HF_TOKEN` the token, `HF_HOME` the cache.
//!
//!     hf-hub-04 <blocking | async | async-parallel> <model>

use std::collections::BTreeMap;
use std::path::PathBuf;

use hf_hub::api::{sync, tokio as asynchronous};
use serde_json::{json, Value};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (half, model) = (arguments[1].as_str(), arguments[2].clone());
    match half {
        "blocking" => blocking(model),
        _ => tokio::runtime::Runtime::new()
            .expect("a runtime")
            .block_on(nonblocking(model, half == "async-parallel")),
    }
}

fn blocking(model: String) {
    let api = sync::ApiBuilder::from_env()
        .with_token(std::env::var("HF_TOKEN").ok())
        .with_progress(false)
        .build()
        .expect("an API");
    let repo = api.model(model);
    let Some(paths) = print_info(repo.info().map_err(|error| error.to_string())) else { return };
    let got = paths
        .into_iter()
        .map(|path| {
            let file = repo.get(&path).map_err(|error| error.to_string());
            (path, file)
        })
        .collect();
    print_files(got);
}

async fn nonblocking(model: String, parallel: bool) {
    let builder = asynchronous::ApiBuilder::from_env()
        .with_token(std::env::var("HF_TOKEN").ok())
        .with_progress(false);
    let builder = if parallel { builder.high() } else { builder };
    let repo = builder.build().expect("an API").model(model);
    let Some(paths) = print_info(repo.info().await.map_err(|error| error.to_string())) else { return };
    let mut got = BTreeMap::new();
    for path in paths {
        let file = repo.get(&path).await.map_err(|error| error.to_string());
        got.insert(path, file);
    }
    print_files(got);
}

fn print_info(info: Result<hf_hub::api::RepoInfo, String>) -> Option<Vec<String>> {
    match info {
        Ok(info) => {
            let paths: Vec<String> = info.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
            let listing: BTreeMap<&String, Value> = paths.iter().map(|path| (path, json!({}))).collect();
            print("info", json!({ "form": "listing", "sha": info.sha, "listing": listing }));
            Some(paths)
        }
        Err(message) => {
            println!("{}", json!({ "operation": "info", "error": "ApiError", "message": message }));
            None
        }
    }
}

fn print_files(got: BTreeMap<String, Result<PathBuf, String>>) {
    let mut files = BTreeMap::new();
    let mut errors = BTreeMap::new();
    for (path, result) in got {
        match result {
            Ok(file) => {
                files.insert(path, file);
            }
            Err(message) => {
                errors.insert(path, message);
            }
        }
    }
    print("get", json!({ "form": "files", "every": true, "files": files, "errors": errors }));
}

fn print(operation: &str, answer: Value) {
    println!("{}", json!({ "operation": operation, "answer": answer }));
}
