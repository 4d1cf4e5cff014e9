/* One entry for each kind of access to a file. An entry is given the path DIR/NAME, and what is there is its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, NOT_HERE = 77 };

typedef int entry(const char *path);

void add(const char *name, entry *run);

/* DONE if `worked`, NOT_HERE if the kernel, its settings or our rights do not allow the call, FAILED otherwise. */
int outcome(int worked);

/* Reads a byte and closes; the outcome. */
int read_and_close(int descriptor);

/* The path with something after it. */
char *after(const char *path, const char *more);

/* Runs a program with these arguments and no output, and waits for it; DONE if it ends with 0. */
int execute(const char *program, char *const arguments[]);

/* Waits for a child; DONE if it ends with 0, NOT_HERE if it says so. */
int await(pid_t child);

/* Gives the process a user namespace in which it may do what root may, unless it is root. */
int become_root(int more_namespaces);

#define ENTRY(name)                                                           \
    static int run_##name(const char *path);                                  \
    __attribute__((constructor)) static void add_##name(void) { add(#name, run_##name); } \
    static int run_##name(const char *path)
