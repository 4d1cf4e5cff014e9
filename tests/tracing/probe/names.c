/* Asking about files and folders, changing what is said of them, and the ways in which a path can be written. */
#include "probe.h"

#include <dirent.h>
#include <fts.h>
#include <ftw.h>
#include <glob.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

ENTRY(stat)
{
    struct stat status;
#ifdef SYS_stat
    return outcome(!syscall(SYS_stat, path, &status));
#else
    return outcome(!stat(path, &status));
#endif
}

ENTRY(lstat)
{
    struct stat status;
    return outcome(!lstat(path, &status) && S_ISLNK(status.st_mode));
}

ENTRY(fstatat)
{
    struct stat status;
    return outcome(!fstatat(open(path, O_PATH), "own", &status, 0));
}

ENTRY(statx)
{
    struct statx status;
    return outcome(!statx(AT_FDCWD, path, 0, STATX_ALL, &status));
}

ENTRY(access) { return outcome(!access(path, R_OK)); }
ENTRY(faccessat2) { return outcome(!syscall(439, open(path, O_PATH), "own", R_OK, AT_EACCESS)); }
ENTRY(statfs) { struct statfs all; return outcome(!statfs(path, &all)); }

ENTRY(readlink) { char text[99]; return outcome(readlink(path, text, sizeof text) > 0); }
ENTRY(readlinkat) { char text[99]; return outcome(readlinkat(open(path, O_PATH), "own", text, sizeof text) > 0); }
ENTRY(realpath) { return outcome(realpath(path, NULL) != NULL); }

ENTRY(name_to_handle_at)
{
    union { struct file_handle handle; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } own;
    int mount;
    own.handle.handle_bytes = MAX_HANDLE_SZ;
    return outcome(!name_to_handle_at(AT_FDCWD, path, &own.handle, &mount, 0));
}

static int attribute(ssize_t answer) { return outcome(answer >= 0 || errno == ENODATA); }

ENTRY(getxattr) { char text[9]; return attribute(getxattr(path, "user.probe", text, sizeof text)); }
ENTRY(lgetxattr) { char text[9]; return attribute(lgetxattr(path, "user.probe", text, sizeof text)); }
ENTRY(listxattr) { char text[999]; return attribute(listxattr(path, text, sizeof text)); }
ENTRY(setxattr) { return attribute(setxattr(path, "user.probe", "x", 1, 0)); }

ENTRY(inotify) { return outcome(inotify_add_watch(inotify_init1(0), path, IN_OPEN) >= 0); }

static int to_socket(const char *path, int type, int connecting)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return NOT_HERE;
    strcpy(address.sun_path, path);
    int ours = socket(AF_UNIX, type, 0);
    const struct sockaddr *there = (const struct sockaddr *)&address;
    int answer = connecting ? connect(ours, there, sizeof address) : (int)sendto(ours, "x", 1, 0, there, sizeof address);
    return outcome(answer >= 0 || errno == ECONNREFUSED);
}

ENTRY(connect) { return to_socket(path, SOCK_STREAM, 1); }
ENTRY(sendto) { return to_socket(path, SOCK_DGRAM, 0); }

ENTRY(truncate) { return outcome(!truncate(path, 1)); }
ENTRY(utimensat) { return outcome(!utimensat(AT_FDCWD, path, NULL, 0)); }
ENTRY(chmod) { return outcome(!chmod(path, 0640)); }
ENTRY(chown) { return outcome(!chown(path, -1, -1)); }
ENTRY(rename) { return outcome(!rename(path, after(path, ".moved"))); }
ENTRY(renameat2) { return outcome(!renameat2(AT_FDCWD, path, AT_FDCWD, after(path, ".moved"), RENAME_NOREPLACE)); }
ENTRY(link) { return outcome(!link(path, after(path, ".linked"))); }
ENTRY(unlink) { return outcome(!unlink(path)); }
ENTRY(rmdir) { return outcome(!rmdir(path)); }
ENTRY(mkdir_of_what_exists) { return mkdir(path, 0700) < 0 && errno == EEXIST ? DONE : FAILED; }

ENTRY(opendir)
{
    DIR *folder = opendir(path);
    return outcome(folder && readdir(folder));
}

ENTRY(scandir) { struct dirent **found; return outcome(scandir(path, &found, NULL, alphasort) >= 2); }
ENTRY(glob) { glob_t found; return glob(after(path, "/o*"), 0, NULL, &found) ? FAILED : DONE; }

static int visited(const char *path, const struct stat *status, int flag, struct FTW *place)
{
    (void)path, (void)status, (void)flag, (void)place;
    return 0;
}

ENTRY(nftw) { return outcome(!nftw(path, visited, 9, FTW_PHYS)); }

ENTRY(fts)
{
    char *paths[] = {(char *)path, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL, NULL);
    while (walk && fts_read(walk))
        ;
    return outcome(walk != NULL);
}

ENTRY(relative_after_chdir) { return chdir(path) ? FAILED : read_and_close(open("own", O_RDONLY)); }
ENTRY(relative_after_fchdir) { return fchdir(open(path, O_PATH)) ? FAILED : read_and_close(open("./own", O_RDONLY)); }
ENTRY(relative_symlink) { return read_and_close(open(path, O_RDONLY)); }
ENTRY(absolute_symlink) { return read_and_close(open(path, O_RDONLY)); }
ENTRY(symlink_to_a_folder) { return read_and_close(open(after(path, "/own"), O_RDONLY)); }
ENTRY(chain_of_symlinks) { return read_and_close(open(path, O_RDONLY)); }
ENTRY(dangling_symlink) { return open(path, O_RDONLY) < 0 && errno == ENOENT ? DONE : FAILED; }
ENTRY(dotdot) { return read_and_close(open(after(path, "/folder/.././own"), O_RDONLY)); }
ENTRY(dotdot_after_a_symlink) { return read_and_close(open(after(path, "/link/../own"), O_RDONLY)); }
ENTRY(double_slashes) { return read_and_close(open(after(path, "//.//own"), O_RDONLY)); }
ENTRY(hard_link) { return read_and_close(open(path, O_RDONLY)); }
ENTRY(not_utf8) { return read_and_close(open(after(path, "/\xff\xfe"), O_RDONLY)); }
ENTRY(newline) { return read_and_close(open(after(path, "/a\nb"), O_RDONLY)); }
ENTRY(blank) { return read_and_close(open(after(path, "/ a\t\"b\\ "), O_RDONLY)); }

ENTRY(long_path)
{
    char *deep = after(path, "");
    while (strlen(deep) < 3800)
        deep = after(deep, "/a folder with a name of forty characters ");
    return read_and_close(open(after(deep, "/own"), O_RDONLY));
}
