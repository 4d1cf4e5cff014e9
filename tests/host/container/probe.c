/* What a hostile program would try, by its first argument; it says what came of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *said(long result)
{
	if (result >= 0)
		return "done";
	switch (errno) {
	case EPERM: return "EPERM";
	case EACCES: return "EACCES";
	case EROFS: return "EROFS";
	case ENOSYS: return "ENOSYS";
	case EAGAIN: return "EAGAIN";
	case EIO: return "EIO";
	default: return strerror(errno);
	}
}

#define TRY(what, call) printf("%s %s\n", what, said((errno = 0, (call))))

static void calls(void)
{
	static const char clone3_args[88];
	TRY("mount", mount("none", "/tmp", "tmpfs", 0, 0));
	TRY("unshare", unshare(CLONE_NEWUSER));
	TRY("setns", syscall(SYS_setns, 0, 0));
	TRY("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	TRY("clone3", syscall(435, clone3_args, sizeof clone3_args));
	TRY("keyctl", syscall(SYS_keyctl, 0, -3, 0));
	TRY("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
	TRY("bpf", syscall(SYS_bpf, 0, 0, 0));
	TRY("perf", syscall(SYS_perf_event_open, 0, 0, -1, -1, 0));
	TRY("userfaultfd", syscall(SYS_userfaultfd, 0));
	TRY("io_uring", syscall(425, 1, 0));
	TRY("handle", syscall(SYS_open_by_handle_at, 0, 0, 0));
	TRY("module", syscall(SYS_init_module, 0, 0, 0));
	TRY("vsock", socket(40, SOCK_STREAM, 0));
	TRY("alg", socket(38, SOCK_SEQPACKET, 0));
	TRY("newest", syscall(600));
#ifdef __x86_64__
	long result; /* unshare by the 32-bit way in */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(310), "b"(CLONE_NEWUSER) : "memory");
	errno = result < 0 ? -result : 0;
	printf("unshare32 %s\n", said(result));
#endif
}

static void forks(void)
{
	int count = 0;
	for (;;) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (++count > 4000)
			break;
	}
	printf("%d\n", count);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "calls"))
		calls();
	else if (!strcmp(what, "forks"))
		forks();
	else if (!strcmp(what, "type")) {
		for (const char *key = "id\n"; *key; key++)
			TRY("type", ioctl(0, TIOCSTI, key));
		TRY("type", syscall(SYS_ioctl, 0, 0x100000000L | TIOCSTI, "x"));
	} else if (!strcmp(what, "seize")) {
		int i;
		for (i = 2; i < argc; i++) {
			printf("%s ", argv[i]);
			TRY("chmod", chmod(argv[i], 06777));
			printf("%s ", argv[i]);
			TRY("write", open(argv[i], O_WRONLY));
		}
	} else if (!strcmp(what, "traced")) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		raise(atoi(argv[2]));
		execv(argv[3], argv + 3);
	} else if (!strcmp(what, "open")) {
		TRY(argv[2], open(argv[2], O_WRONLY));
	}
	fflush(stdout);
	return 0;
}
