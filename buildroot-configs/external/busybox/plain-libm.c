/* What libm.a of x86-64 asks of the loader, answered with "an x86-64 without extensions"; and the variants of its
 * functions for other CPUs, which are then never called. On other machines nothing asks for these. */
#ifdef __x86_64__
char _dl_x86_cpu_features[4096] __attribute__((aligned(64), visibility("hidden")));

#define ABSENT(name) __attribute__((visibility("hidden"))) void name(void) { __builtin_trap(); }
#define VARIANTS(name) ABSENT(name##_fma) ABSENT(name##_fma4) ABSENT(name##_avx)
VARIANTS(__ieee754_atan2)
VARIANTS(__ieee754_exp)
VARIANTS(__ieee754_log)
VARIANTS(__ieee754_pow)
VARIANTS(__atan2)
VARIANTS(__exp)
VARIANTS(__log)
VARIANTS(__pow)
VARIANTS(__sin)
VARIANTS(__cos)
VARIANTS(__atan)
VARIANTS(__exp1)
#else
typedef int nothing;
#endif
