/* Programs, and processes of every kind. */
#include "probe.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>

static char *nothing[] = {"probe", "--nothing", NULL};

ENTRY(execve) { return execute(path, nothing); }

ENTRY(execveat)
{
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execveat, open(path, O_PATH), "own", nothing, environ, 0);
        _exit(FAILED);
    }
    return await(child);
}

ENTRY(fexecve)
{
    pid_t child = fork();
    if (child == 0) {
        fexecve(open(path, O_RDONLY | O_CLOEXEC), nothing, environ);
        _exit(FAILED);
    }
    return await(child);
}

ENTRY(exec_relative) { return chdir(path) ? FAILED : execute("./own", nothing); }
ENTRY(exec_through_a_symlink) { return execute(path, nothing); }
ENTRY(interpreter_of_a_script) { return execute(path, nothing); }
ENTRY(interpreter_that_is_a_script) { return execute(path, nothing); }

ENTRY(script_with_env)
{
    setenv("PATH", after(after(path, ".folder:"), getenv("PATH")), 1);
    return execute(path, nothing);
}

ENTRY(search_path)
{
    setenv("PATH", after(after("/nowhere:", path), "/not here"), 1);
    setenv("PATH", after(after(getenv("PATH"), ":"), path), 1);
    pid_t child = fork();
    if (child == 0) {
        execvp("own", nothing);
        _exit(FAILED);
    }
    return await(child);
}

ENTRY(script_without_interpreter_line)
{
    pid_t child = fork();
    if (child == 0) {
        execlp(path, path, NULL); /* the kernel refuses it, and the C library starts a shell */
        _exit(FAILED);
    }
    return await(child);
}

ENTRY(program_interpreter) { return execute(path, nothing); }
ENTRY(needed_library) { return execute(path, nothing); }

ENTRY(preloaded_library)
{
    setenv("LD_PRELOAD", path, 1);
    return execute("/proc/self/exe", nothing);
}

ENTRY(posix_spawn)
{
    pid_t child;
    return posix_spawn(&child, path, NULL, NULL, nothing, environ) ? FAILED : await(child);
}

ENTRY(vfork)
{
    pid_t child = vfork();
    if (child == 0) {
        int own = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
        _exit(own < 0);
    }
    return await(child);
}

ENTRY(fork_and_fork_again)
{
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(read_and_close(open(path, O_RDONLY)));
        _exit(await(grandchild));
    }
    return await(child);
}

static void *in_thread(void *path) { return (void *)(long)read_and_close(open(path, O_RDONLY)); }

ENTRY(thread)
{
    pthread_t thread;
    void *answer = NULL;
    return pthread_create(&thread, NULL, in_thread, (void *)path) || pthread_join(thread, &answer) || answer;
}

ENTRY(many_threads)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, in_thread, (void *)path);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    return DONE;
}

ENTRY(system) { return system(after(after("read line <'", path), "'")) ? FAILED : DONE; }

ENTRY(popen)
{
    FILE *pipe = popen(after(after("cat '", path), "'"), "r");
    return outcome(pipe && fgetc(pipe) != EOF && !pclose(pipe));
}

ENTRY(setuid_program)
{
    char *arguments[] = {"probe", "--open", after(path, ".own"), NULL};
    if (geteuid() == 0 && setresuid(65534, 65534, 65534))
        return NOT_HERE;
    return execute(path, arguments);
}

ENTRY(program_in_memory)
{
    char *arguments[] = {"probe", "--open", (char *)path, NULL};
    int memory = memfd_create("probe", 0), program = open("/proc/self/exe", O_RDONLY);
    char piece[65536];
    for (ssize_t size; (size = read(program, piece, sizeof piece)) > 0;)
        if (write(memory, piece, size) != size)
            return FAILED;
    pid_t child = fork();
    if (child == 0) {
        fexecve(memory, arguments, environ);
        _exit(FAILED);
    }
    return await(child);
}

ENTRY(executes_itself)
{
    char *arguments[] = {"probe", "--again", after(path, ".own"), NULL};
    return execute(path, arguments);
}

ENTRY(program_of_32_bits)
{
    char *arguments[] = {"probe", after(path, ".own"), NULL};
    return execute(path, arguments);
}

ENTRY(static_program)
{
    char *arguments[] = {"probe", after(path, ".own"), NULL};
    return execute(path, arguments);
}

ENTRY(chroot)
{
    if (become_root(0) || chroot(path))
        return outcome(0);
    return chdir("/") ? FAILED : read_and_close(open("/folder/../../own", O_RDONLY));
}

ENTRY(mount_namespace) { return become_root(CLONE_NEWNS) ? outcome(0) : read_and_close(open(path, O_RDONLY)); }

ENTRY(bind_mount)
{
    if (become_root(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return outcome(0);
    if (mount(after(path, "/own"), after(path, "/over"), NULL, MS_BIND, NULL))
        return outcome(0);
    return read_and_close(open(after(path, "/over"), O_RDONLY));
}

ENTRY(pid_namespace)
{
    if (become_root(CLONE_NEWPID))
        return outcome(0);
    pid_t child = fork();
    if (child == 0)
        _exit(read_and_close(open(path, O_RDONLY)));
    return await(child);
}
