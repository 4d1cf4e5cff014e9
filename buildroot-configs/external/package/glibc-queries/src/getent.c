/* getent: prints entries of the databases that nsswitch.conf configures.
 *
 *     getent passwd|group|hosts|ahosts|ahostsv4|ahostsv6|services|protocols|networks [KEY…]
 *
 * Its exit status is that of the C library's own: 1 for a database that is not known, 2 for a key that is not found.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FOUND = 0, UNKNOWN = 1, MISSING = 2, NO_LISTING = 3 };

static int is_number(const char *key) {
    return isdigit((unsigned char)key[0]) && key[strspn(key, "0123456789")] == 0;
}

static int passwd(const struct passwd *it) {
    if (it)
        printf("%s:%s:%u:%u:%s:%s:%s\n", it->pw_name, it->pw_passwd, it->pw_uid, it->pw_gid, it->pw_gecos,
               it->pw_dir, it->pw_shell);
    return it ? FOUND : MISSING;
}

static int group(const struct group *it) {
    char **member;
    if (!it)
        return MISSING;
    printf("%s:%s:%u:", it->gr_name, it->gr_passwd, it->gr_gid);
    for (member = it->gr_mem; *member; member++)
        printf("%s%s", member == it->gr_mem ? "" : ",", *member);
    putchar('\n');
    return FOUND;
}

static void aliases(char **names) {
    for (; *names; names++)
        printf(" %s", *names);
    putchar('\n');
}

static int host(const struct hostent *it) {
    char **address, text[INET6_ADDRSTRLEN];
    if (!it)
        return MISSING;
    for (address = it->h_addr_list; *address; address++) {
        printf("%-15s %s", inet_ntop(it->h_addrtype, *address, text, sizeof text), it->h_name);
        aliases(it->h_aliases);
    }
    return FOUND;
}

static int host_of(const char *key) {
    struct in6_addr address;
    const struct hostent *it;
    if (inet_pton(AF_INET, key, &address) == 1)
        return host(gethostbyaddr(&address, 4, AF_INET));
    if (inet_pton(AF_INET6, key, &address) == 1)
        return host(gethostbyaddr(&address, 16, AF_INET6));
    it = gethostbyname2(key, AF_INET6);
    return host(it ? it : gethostbyname2(key, AF_INET));
}

static int addresses(const char *key, int family) {
    struct addrinfo hints = {.ai_family = family, .ai_flags = AI_ADDRCONFIG | AI_CANONNAME}, *first, *it;
    char text[INET6_ADDRSTRLEN];
    if (family == AF_INET6)
        hints.ai_flags |= AI_V4MAPPED;
    if (getaddrinfo(key, NULL, &hints, &first))
        return MISSING;
    for (it = first; it; it = it->ai_next) {
        getnameinfo(it->ai_addr, it->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        printf("%-15s %s %s\n", text,
               it->ai_socktype == SOCK_STREAM ? "STREAM" : it->ai_socktype == SOCK_DGRAM ? "DGRAM " : "RAW   ",
               it->ai_canonname ? it->ai_canonname : "");
    }
    freeaddrinfo(first);
    return FOUND;
}

static int service(const struct servent *it) {
    if (!it)
        return MISSING;
    printf("%-21s %d/%s", it->s_name, ntohs(it->s_port), it->s_proto);
    aliases(it->s_aliases);
    return FOUND;
}

static int service_of(char *key) {
    char *protocol = strchr(key, '/');
    if (protocol)
        *protocol++ = 0;
    return service(is_number(key) ? getservbyport(htons(atoi(key)), protocol) : getservbyname(key, protocol));
}

static int protocol(const struct protoent *it) {
    if (!it)
        return MISSING;
    printf("%-21s %d", it->p_name, it->p_proto);
    aliases(it->p_aliases);
    return FOUND;
}

static int network(const struct netent *it) {
    struct in_addr address;
    if (!it)
        return MISSING;
    address.s_addr = htonl(it->n_net);
    printf("%-21s %s", it->n_name, inet_ntoa(address));
    aliases(it->n_aliases);
    return FOUND;
}

static int one(const char *database, char *key) {
    if (!strcmp(database, "passwd"))
        return passwd(is_number(key) ? getpwuid(strtoul(key, NULL, 10)) : getpwnam(key));
    if (!strcmp(database, "group"))
        return group(is_number(key) ? getgrgid(strtoul(key, NULL, 10)) : getgrnam(key));
    if (!strcmp(database, "hosts"))
        return host_of(key);
    if (!strcmp(database, "ahosts"))
        return addresses(key, AF_UNSPEC);
    if (!strcmp(database, "ahostsv4"))
        return addresses(key, AF_INET);
    if (!strcmp(database, "ahostsv6"))
        return addresses(key, AF_INET6);
    if (!strcmp(database, "services"))
        return service_of(key);
    if (!strcmp(database, "protocols"))
        return protocol(is_number(key) ? getprotobynumber(atoi(key)) : getprotobyname(key));
    if (!strcmp(database, "networks"))
        return network(getnetbyname(key));
    return UNKNOWN;
}

static int listing(const char *database) {
    if (!strcmp(database, "passwd"))
        while (!passwd(getpwent())) {
        }
    else if (!strcmp(database, "group"))
        while (!group(getgrent())) {
        }
    else if (!strcmp(database, "hosts"))
        while (!host(gethostent())) {
        }
    else if (!strcmp(database, "services"))
        while (!service(getservent())) {
        }
    else if (!strcmp(database, "protocols"))
        while (!protocol(getprotoent())) {
        }
    else if (!strcmp(database, "networks"))
        while (!network(getnetent())) {
        }
    else
        return !strncmp(database, "ahosts", 6) ? NO_LISTING : UNKNOWN;
    return FOUND;
}

int main(int count, char **words) {
    int index, status = FOUND, now;
    if (count < 2) {
        fputs("usage: getent DATABASE [KEY...]\n", stderr);
        return UNKNOWN;
    }
    if (count == 2)
        status = listing(words[1]);
    for (index = 2; index < count; index++)
        if ((now = one(words[1], words[index])))
            status = now;
    if (status == UNKNOWN)
        fprintf(stderr, "getent: Unknown database: %s\n", words[1]);
    return status;
}
