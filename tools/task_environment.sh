# shellcheck shell=bash
# Sourced by launch.sh, and by slurm_task.sh on a node: what every task finds in its environment.

# One thread a task: no result depends on nj or on the number of cores. A training sets its own
# number of threads, from its YAML.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
# Threads that wait shall sleep: spinning starves the other tasks on the same cores.
export OMP_WAIT_POLICY=passive
# What a task has freed stays with it: a training step frees and takes the same hundred large
# arrays again, and the kernel would have to clear each of their pages once more
# (tests/benchmarks/cpu_step.py). A process is as large as at its largest until it ends.
: "${GLIBC_TUNABLES:=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776}"
export GLIBC_TUNABLES
