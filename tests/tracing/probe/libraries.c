/* What the C library opens for a program. */
#include "probe.h"

#include <dlfcn.h>
#include <grp.h>
#include <iconv.h>
#include <libintl.h>
#include <locale.h>
#include <netdb.h>
#include <nl_types.h>
#include <pwd.h>
#include <time.h>

ENTRY(dlopen) { return outcome(dlopen(path, RTLD_NOW) != NULL); }
ENTRY(dlmopen) { return outcome(dlmopen(LM_ID_NEWLM, path, RTLD_NOW) != NULL); }

ENTRY(accounts) { (void)path; return outcome(getpwnam("root") != NULL); }
ENTRY(groups) { (void)path; return outcome(getgrgid(0) != NULL); }

ENTRY(name_service)
{
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    (void)path;
    return getaddrinfo("localhost", NULL, &hints, &found) ? NOT_HERE : DONE;
}

ENTRY(services) { (void)path; return getservbyname("http", "tcp") ? DONE : NOT_HERE; }

ENTRY(character_set)
{
    (void)path;
    return iconv_open("ISO-8859-15", "UTF-8") == (iconv_t)-1 ? NOT_HERE : DONE;
}

ENTRY(locale)
{
    setenv("LOCPATH", path, 1);
    setlocale(LC_CTYPE, "xx_XX");
    return DONE;
}

ENTRY(translation)
{
    setenv("LANGUAGE", "xx", 1);
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return NOT_HERE;
    bindtextdomain("probe", path);
    textdomain("probe");
    return strcmp(gettext("text"), "translated") ? NOT_HERE : DONE; /* some C libraries have no others than C */
}

ENTRY(catalogue)
{
    catopen(path, 0);
    return DONE;
}

ENTRY(time_zone)
{
    time_t now = 0;
    setenv("TZ", after(":", path), 1);
    return outcome(localtime(&now) != NULL);
}
