/* Opening, and what is done with what was opened. */
#include "probe.h"

#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif

ENTRY(open)
{
#ifdef SYS_open
    return read_and_close(syscall(SYS_open, path, O_RDONLY));
#else
    return read_and_close(open(path, O_RDONLY));
#endif
}

ENTRY(openat) { return read_and_close(openat(AT_FDCWD, path, O_RDONLY)); }

ENTRY(openat_below_a_folder)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    return read_and_close(openat(folder, "own", O_RDONLY));
}

ENTRY(openat_below_a_path_descriptor)
{
    int folder = open(path, O_PATH);
    return read_and_close(openat(folder, "own", O_RDONLY));
}

ENTRY(openat2)
{
    struct open_how how = {.flags = O_RDONLY};
    return read_and_close(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

ENTRY(openat2_in_root)
{
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
    int folder = open(path, O_PATH);
    return read_and_close(syscall(SYS_openat2, folder, "/own", &how, sizeof how));
}

ENTRY(creat) { return outcome(creat(path, 0644) >= 0); }

ENTRY(append)
{
    int descriptor = open(path, O_WRONLY | O_APPEND);
    return outcome(write(descriptor, "x", 1) == 1);
}

ENTRY(create_or_open) { return outcome(open(path, O_RDWR | O_CREAT, 0644) >= 0); }

ENTRY(exclusive) { return open(path, O_RDWR | O_CREAT | O_EXCL, 0644) < 0 && errno == EEXIST ? DONE : FAILED; }

ENTRY(path_descriptor) { return outcome(open(path, O_PATH) >= 0); }

ENTRY(temporary_file_in_a_folder) { return outcome(open(path, O_TMPFILE | O_RDWR, 0600) >= 0); }

ENTRY(fopen)
{
    FILE *file = fopen(path, "r");
    return outcome(file && fgetc(file) != EOF);
}

ENTRY(fifo) { return outcome(open(path, O_RDONLY | O_NONBLOCK) >= 0); }

ENTRY(mmap)
{
    int descriptor = open(path, O_RDONLY);
    volatile char *memory = mmap(NULL, 2, PROT_READ, MAP_PRIVATE, descriptor, 0);
    return outcome(memory != MAP_FAILED && memory[0]);
}

static int null(void) { return open("/dev/null", O_WRONLY); }

ENTRY(sendfile) { return outcome(sendfile(null(), open(path, O_RDONLY), NULL, 2) > 0); }

ENTRY(copy_file_range)
{
    int target = open(after(path, ".target"), O_WRONLY | O_CREAT, 0600);
    return outcome(copy_file_range(open(path, O_RDONLY), NULL, target, NULL, 2, 0) > 0);
}

ENTRY(splice)
{
    int pipes[2];
    return outcome(!pipe(pipes) && splice(open(path, O_RDONLY), NULL, pipes[1], NULL, 2, 0) > 0);
}

ENTRY(preadv)
{
    char byte;
    struct iovec part = {&byte, 1};
    return outcome(preadv(open(path, O_RDONLY), &part, 1, 0) == 1);
}

ENTRY(open_tree) { return outcome(syscall(SYS_open_tree, AT_FDCWD, path, 0) >= 0); }

ENTRY(reopened_through_proc)
{
    char name[40];
    int first = open(path, O_PATH);
    snprintf(name, sizeof name, "/proc/self/fd/%d", first);
    return read_and_close(open(name, O_RDONLY));
}

ENTRY(below_the_folder_of_proc)
{
    return chdir(path) ? FAILED : read_and_close(open("/proc/self/cwd/own", O_RDONLY));
}

ENTRY(below_the_root_of_proc) { return read_and_close(open(after("/proc/self/root", path), O_RDONLY)); }

/* The handle was written beforehand, so that the path is not named here. */
ENTRY(open_by_handle_at)
{
    union { struct file_handle handle; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } own;
    int given = open(after(path, ".handle"), O_RDONLY), mount = open(after(path, ".mount"), O_RDONLY);
    if (given < 0 || read(given, own.room, sizeof own.room) < (ssize_t)sizeof(struct file_handle))
        return NOT_HERE;
    return read_and_close(open_by_handle_at(mount, &own.handle, O_RDONLY));
}

static int through_ring(const char *path)
{
    struct io_uring_params parameters = {0};
    int ring = syscall(SYS_io_uring_setup, 2, &parameters);
    if (ring < 0)
        return open(path, O_RDONLY); /* as programs do */
    size_t size = parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned);
    size_t answers_size = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    char *calls = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    char *answers = mmap(0, answers_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *call = mmap(0, sizeof *call * 2, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    if (calls == MAP_FAILED || answers == MAP_FAILED || call == MAP_FAILED)
        return -1;
    memset(call, 0, sizeof *call);
    call->opcode = IORING_OP_OPENAT;
    call->fd = AT_FDCWD;
    call->addr = (unsigned long)path;
    call->open_flags = O_RDONLY;
    ((unsigned *)(calls + parameters.sq_off.array))[0] = 0;
    __atomic_store_n((unsigned *)(calls + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
        return -1;
    return ((struct io_uring_cqe *)(answers + parameters.cq_off.cqes))->res;
}

ENTRY(io_uring) { return read_and_close(through_ring(path)); }
