"""What is a user's fault or the system's, in one sentence. Whatever has none is a bug."""

import errno

DISK_ERRORS = {  # what a disk or its system refuses, and the remedy
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "your quota is used up: make room there",
    errno.EFBIG: "no file may grow larger there: see `ulimit -f`, or write to another disk",
    errno.EROFS: "make it writable, or write to another disk",
    errno.EACCES: "you may not: change its rights (chmod, chown), or name another place",
    errno.EPERM: "you may not: change its rights (chmod, chown), or name another place",
    errno.ENAMETOOLONG: "give it a shorter name, or name a place with a shorter path",
    errno.EIO: "the disk, or the network to it, has a fault: look at it (dmesg)",
    errno.EREMOTEIO: "the disk, or the network to it, has a fault: look at it (dmesg)",
    errno.ESTALE: "its disk was mounted anew, or another host has replaced it",
    errno.ENOTCONN: "the network to its disk is gone: mount it again",
    errno.ETIMEDOUT: "the network to its disk does not answer",
    errno.EMFILE: "too many files are open: `ulimit -n` says how many may be; raise it",
    errno.ENFILE: "too many files are open on this computer: end other programs",
    errno.ENOMEM: "give it more memory, or end other programs",
    errno.ENOLCK: "its disk has no file locking: name a place on another disk",
    errno.EBUSY: "another program uses it",
    errno.ENODEV: "its disk is gone: mount it again",
    errno.ENXIO: "its disk is gone: mount it again",
    errno.EILSEQ: "its disk takes no such name: give it another one",
}
PATH_ERRORS = {  # what is not wrong with the disk
    errno.ENOENT: "put it there, or look who has removed it",
    errno.ENOTDIR: "a file stands where a folder belongs: remove it, or name another place",
    errno.EISDIR: "a folder stands where a file belongs: remove it, or name another place",
    errno.EEXIST: "something of that name is in the way: remove it, or name another place",
    errno.ENOTEMPTY: "a folder stands in the way: remove it, or name another place",
    errno.ELOOP: "its links lead in a circle: remove them",
    errno.EXDEV: "the two places lie on different disks: name places on one",
}
MAX_LETTERS = 1000  # of what a library says
KEPT = "and run again: what was finished is kept, and nothing else"
# What torch and CUDA's libraries say; their errors are RuntimeErrors like any other.
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "std::bad_alloc",
    "STATUS_ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in OUT_OF_MEMORY)


def sentence(error: BaseException) -> str | None:
    """One line on a fault that is not ours; None for a bug."""
    if isinstance(error, ValueError):
        return one_line(error)
    if is_out_of_memory(error):
        return (
            f"out of memory ({one_line(error)}): give it more, end other programs or run fewer "
            f"tasks at a time, {KEPT}"
        )
    if isinstance(error, OSError) and remedy(error):
        return f"{error}; {remedy(error)}, {KEPT}"
    return None


def remedy(error: OSError) -> str | None:
    """What to do about it; None where a system should never refuse it."""
    return DISK_ERRORS.get(error.errno or 0) or PATH_ERRORS.get(error.errno or 0)


def described(error: BaseException) -> str:
    """One line on any error, where a bug may be a library's."""
    return sentence(error) or f"{type(error).__name__}: {one_line(error)}"


def one_line(error: BaseException) -> str:
    """What an error says, and its kind where it says nothing; torch adds pages of traces."""
    text = " ".join(str(error).split("\n\n")[0].split("\n")).strip()
    return text[:MAX_LETTERS] + "…" * (len(text) > MAX_LETTERS) or type(error).__name__
