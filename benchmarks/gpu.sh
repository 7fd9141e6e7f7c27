#!/bin/bash
# What a GPU does, in one call: `bash benchmarks/gpu.sh PACKED [smoke] [steps] [beside] [cifar] [decode] [large] [files]`,
# from the repository's root.
#
# PACKED is what `python benchmarks/pack.py cifar10_ltnet.zip PACKED` made. Without names all parts run, in this order, each
# with a limit of its own: a part that fails or takes too long does not stop the next. Tables are printed as they are made.
# SECONDS_IN_ALL=330 is when everything ends. DEVICE=cpu TINY=1 tries every part with tiny settings where there is no GPU.
set -u
packed=${1:?folder that benchmarks/pack.py made}
shift
parts=${*:-smoke steps beside cifar decode large files}
device=${DEVICE:-cuda}
tiny=${TINY:-}
in_all=${SECONDS_IN_ALL:-420}
scratch=${SCRATCH:-$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" ltnet-gpu-XXXX)}
trap 'rm -rf "$scratch"' EXIT
# Its own cache: the first run of `cifar` decodes all files.
export PYTHONUNBUFFERED=1 PYTHONPATH=$PWD:${PYTHONPATH:-} LTNET_CACHE=$scratch/cache
began=$(date +%s)

say() { echo "== [$(($(date +%s) - began)) s] $*"; }
limited() { # SECONDS COMMAND…
    local limit=$1 left=$((in_all - $(date +%s) + began))
    shift
    if [ "$left" -lt 5 ]; then
        echo "!! no time left for: $*"
        return
    fi
    timeout -k 5 "$((limit < left ? limit : left))" "$@" 2>&1 || echo "!! status $? of: $*"
}

smoke() {
    limited 90 python3 -m pytest tests/test_gpu.py -q -x -rA -p no:cacheprovider -W default
}

steps() {
    if [ "$tiny" ]; then
        limited 120 python3 benchmarks/throughput.py --device "$device" --rows cnn:16:8 --seconds .05 --rounds 2 --choices
        return
    fi
    limited 100 python3 benchmarks/throughput.py --device "$device" --rounds 5 --seconds .25 \
        --rows resnet20:32:128 resnet20:32:1024 resnet18:64:128 resnet18:64:512
}

beside() {
    if [ "$tiny" ]; then
        limited 60 python3 benchmarks/side_by_side.py --device "$device" --rows cnn:12:8:2 --items 40 --epochs 1
        return
    fi
    limited 60 python3 benchmarks/side_by_side.py --device "$device"
}

study_of_files() {
    study=$scratch/cifar
    if [ ! -d "$study" ]; then
        python3 benchmarks/pack.py --unpack "$packed" "$study"
        say "unpacked $(find "$study/images" -type f | wc -l) files"
    fi
}

timed_fit() { # NAME LIMIT STUDY FLAGS…: the whole command, files to truth.csv, and what came out
    local name=$1 limit=$2 study=$3 run=$scratch/run-$1 started ended
    shift 3
    started=$(date +%s.%N)
    limited "$limit" python3 -m ltnet_core fit "$study" --run "$run" --device "$device" --seed 0 "$@" > "$scratch/$name.log"
    ended=$(date +%s.%N)
    grep -E "^\[|^note|^!!|rror" "$scratch/$name.log"
    grep "  epoch" "$scratch/$name.log" | tail -n 3
    limited 30 python3 benchmarks/run_facts.py "$run"
    echo "$name: whole command $(echo "$ended $started" | awk '{printf "%.1f", $1 - $2}') s; $*"
    rm -rf "$run"
}

cifar() {
    study_of_files
    if [ "$tiny" ]; then
        timed_fit tiny 300 "$study" --preset quick --epochs 1 --no-comparisons --no-machine-coders
        return
    fi
    # Batch 256 takes twice the steps of 512; over so short a schedule 1e-3 decays the weights as much as 5e-4 over a long
    # one. Which is the best, held-out loss says; the test accuracy stands beside it.
    local epochs=${EPOCHS:-25} common ltnet
    common=(--network resnet18 --epochs "$epochs" --batch-size 256 --lr 0.1)
    ltnet=(--no-comparisons --no-machine-coders)
    timed_fit decay-1e-3 70 "$study" "${common[@]}" "${ltnet[@]}" --weight-decay 1e-3
    timed_fit decay-1e-3-mixup 62 "$study" "${common[@]}" "${ltnet[@]}" --weight-decay 1e-3 --mixup 0.2
    timed_fit decay-2e-3 62 "$study" "${common[@]}" "${ltnet[@]}" --weight-decay 2e-3
    timed_fit truth-decay-1e-3 62 "$study" "${common[@]}" --weight-decay 1e-3 --method truth
}

decode() {
    study_of_files
    limited 40 python3 benchmarks/decoding.py "$study" --size 32 --repeats 3 --only pixels
}

large() {
    if [ "$tiny" ]; then
        limited 60 python3 benchmarks/throughput.py --device "$device" --rows cnn:24:8 --seconds .05 --rounds 2
        return
    fi
    limited 40 python3 benchmarks/throughput.py --device "$device" --rounds 3 --seconds .4 --precision bfloat16 \
        --rows resnet50:112:128 resnet50:112:256
}

files() {
    local study=$scratch/large
    if [ "$tiny" ]; then
        limited 60 python3 benchmarks/synthetic_jpegs.py "$study" --files 40 --drawn 10 --size 24
        timed_fit large 300 "$study" --method mixture --network cnn --epochs 1 --image-size 16 --batch-size 16
        return
    fi
    limited 60 python3 benchmarks/synthetic_jpegs.py "$study" --files 20000 --drawn 2000 --size 112
    timed_fit resnet50-112 100 "$study" --method mixture --network resnet50 --epochs 1 --image-size 112 --batch-size 256
}

for part in $parts; do
    say "$part"
    "$part"
done
say "end"
