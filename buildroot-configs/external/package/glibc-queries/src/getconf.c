/* getconf: prints a limit of the system or of the C library, as POSIX describes it.
 *
 *     getconf NAME         sysconf(3) or confstr(3)
 *     getconf NAME PATH    pathconf(3)
 *     getconf -a [PATH]    all of them
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { SC, CS, PC };
static const struct name { const char *text; enum kind kind; int number; } names[] = {
#include "names.h"
};
/* What the compiler knows. */
static const struct { const char *text; long long value; } constants[] = {
    {"CHAR_BIT", CHAR_BIT}, {"CHAR_MAX", CHAR_MAX}, {"CHAR_MIN", CHAR_MIN}, {"INT_MAX", INT_MAX},
    {"INT_MIN", INT_MIN}, {"LONG_BIT", 8 * sizeof(long)}, {"SCHAR_MAX", SCHAR_MAX}, {"SCHAR_MIN", SCHAR_MIN},
    {"SHRT_MAX", SHRT_MAX}, {"SHRT_MIN", SHRT_MIN}, {"SSIZE_MAX", SSIZE_MAX}, {"UCHAR_MAX", UCHAR_MAX},
    {"UINT_MAX", UINT_MAX}, {"USHRT_MAX", USHRT_MAX}, {"WORD_BIT", 8 * sizeof(int)}, {"MB_LEN_MAX", MB_LEN_MAX},
};

static int answer(const struct name *name, const char *path, int labelled) {
    long value;
    if (labelled)
        printf("%-35s", name->text);
    if (name->kind == CS) {
        size_t size = confstr(name->number, NULL, 0);
        char *text = malloc(size + 1);
        if (!text)
            return 1;
        text[0] = 0;
        confstr(name->number, text, size);
        puts(text);
        free(text);
        return 0;
    }
    errno = 0;
    value = name->kind == SC ? sysconf(name->number) : pathconf(path, name->number);
    if (value != -1)
        printf("%ld\n", value);
    else if (errno && !labelled) {
        fprintf(stderr, "getconf: %s: %s\n", name->kind == PC ? path : name->text, strerror(errno));
        return 1;
    } else
        puts(labelled ? "" : "undefined");
    return 0;
}

int main(int count, char **words) {
    size_t index;
    int status = 0, all;
    const char *path;
    if (count > 2 && !strcmp(words[1], "-v")) { /* the environment of a compilation: there is one */
        words += 2;
        count -= 2;
    }
    all = count > 1 && !strcmp(words[1], "-a");
    if (count < 2 || count > 3) {
        fputs("usage: getconf NAME [PATH]\n       getconf -a [PATH]\n", stderr);
        return 2;
    }
    path = count > 2 ? words[2] : "/";
    for (index = 0; index < sizeof constants / sizeof *constants; index++) {
        if (all)
            printf("%-35s", constants[index].text);
        if (all || !strcmp(words[1], constants[index].text)) {
            printf("%lld\n", constants[index].value);
            if (!all)
                return 0;
        }
    }
    if (!all && !strcmp(words[1], "ULONG_MAX"))
        return printf("%lu\n", ULONG_MAX) < 0;
    for (index = 0; index < sizeof names / sizeof *names; index++) {
        if (all)
            status |= answer(&names[index], path, 1);
        else if (!strcmp(words[1], names[index].text)) {
            if (names[index].kind == PC && count < 3) {
                fprintf(stderr, "getconf: %s is asked of a path\n", words[1]);
                return 2;
            }
            return answer(&names[index], path, 0);
        }
    }
    if (all)
        return status;
    fprintf(stderr, "getconf: Unrecognized variable `%s'\n", words[1]);
    return 2;
}
