/* A program that opens its first argument, without a C library: for other sizes of words, and linked statically. */
#ifdef __i386__
__asm__(".globl _start\n_start: mov 8(%esp), %ebx\n xor %ecx, %ecx\n mov $5, %eax\n int $0x80\n"
        " mov %eax, %ebx\n shr $31, %ebx\n mov $1, %eax\n int $0x80\n");
#else
#include "probe.h"
int main(int argc, char **argv) { return argc < 2 || open(argv[1], O_RDONLY) < 0; }
#endif
