/* System calls without a C library, and where the kernel starts a program: for floor.c and program.c. x86-64. */
#include <fcntl.h>
#include <sys/syscall.h>

static inline __attribute__((always_inline)) long call(long number, long a, long b, long c)
{
	register long d __asm__("r10") = 0;
	long answer;
	__asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(d) : "rcx", "r11", "memory");
	return answer;
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
