#include "greeting.h"

#include <stdio.h>

int greet(void)
{
    char words[256];
    FILE *file = fopen(WORDS, "r");

    if (!file || !fgets(words, sizeof words, file)) {
        perror(WORDS);
        return 1;
    }
    fclose(file);
    return fputs(words, stdout) < 0;
}
