#!/usr/bin/env bash
# Makes benign/ anew with the real libraries, in virtual environments below .peers/ (and Debian's torch, which the
# system's own Python must find: PyPI's brings gigabytes of CUDA).
#
#   test/corpus/make-benign.sh             everything
#   test/corpus/make-benign.sh classic     one of: classic, torch, nn, tf
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
peers="$(cd "$here/../.." && pwd)/.peers"

# environment <name> <python> <requirement…>: made once, unless the requirements change.
environment() {
  local folder="$peers/corpus-$1" python="$2"
  shift 2
  [ "$(cat "$folder/.made" 2>/dev/null)" = "$*" ] && return 0
  rm -rf "$folder"
  "$python" -m venv ${system:+--system-site-packages} "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
  printf '%s' "$*" >"$folder/.made"
}

classic() {
  environment classic python3 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 joblib==1.6.0 pandas==3.1.1 \
    pyarrow==26.0.1 xgboost-cpu==3.2.0 lightgbm==4.7.0 onnx==1.23.2 skl2onnx==1.20.0 skops==0.16.0 \
    safetensors==0.8.0 gguf==0.19.0 h5py==3.16.0 ml_dtypes==0.6.0 lz4 py7zr
  "$peers/corpus-classic/bin/python" "$here/benign_classic.py"
}

torch() {
  dpkg -s python3-torch python3-torchvision python3-venv >/dev/null 2>&1 ||
    { apt-get update && apt-get install -y --no-install-recommends python3-torch python3-torchvision python3-venv; }
  system=yes environment torch /usr/bin/python3 'numpy<2' transformers==4.38.2 accelerate==0.27.2 safetensors==0.8.0 \
    'opencv-python-headless<4.11' matplotlib 'pandas<2.2' seaborn psutil py-cpuinfo
  # With what they require they would bring a torch of their own.
  "$peers/corpus-torch/bin/pip" install --quiet --disable-pip-version-check --no-deps ultralytics==8.0.100 timm==0.6.13 thop
  "$peers/corpus-torch/bin/python" -W ignore "$here/benign_torch.py"
}

nn() {
  environment nn python3 keras==3.15.1 jax==0.10.2 flax==0.12.8 h5py tokenizers==0.23.3 transformers==5.24.0 \
    sentencepiece==0.2.3 jinja2 pillow
  mkdir -p "$peers/work/axolotl"
  "$peers/corpus-nn/bin/pip" download --quiet --no-deps --dest "$peers/work/axolotl" axolotl==0.19.0
  "$peers/corpus-nn/bin/python" -W ignore "$here/benign_nn.py" "$peers"/work/axolotl/axolotl-*.whl
}

tf() {
  environment tf python3 tensorflow-cpu==2.21.0
  "$peers/corpus-tf/bin/python" -W ignore "$here/benign_tf.py"
}

for part in "${@:-all}"; do
  case "$part" in
    classic | torch | nn | tf) "$part" ;;
    all) classic && torch && nn && tf ;;
    *)
      echo "make-benign.sh: no such part: $part (classic, torch, nn, tf)" >&2
      exit 64
      ;;
  esac
done
