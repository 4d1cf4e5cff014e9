#include "greeting.h"

int main(void)
{
    return greet();
}
