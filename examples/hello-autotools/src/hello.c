#include <stdio.h>

int main(void)
{
    return puts("Hello container!") < 0;
}
