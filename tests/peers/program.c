/* The program that is launched: program SECONDS. Its first act is to look at the clock; it tells over the FIFO
   /run/begun what it saw and who it is, and sleeps. Without an argument, as a service, it sleeps for two minutes. */
#include "system.h"
#include <time.h>

__attribute__((used)) static void begin(long *stack)
{
	struct timespec time;
	call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&time, 0);
	long begun[2] = {time.tv_sec * 1000000000 + time.tv_nsec, call(SYS_getpid, 0, 0, 0)};
	call(SYS_write, call(SYS_open, (long)"/run/begun", O_WRONLY | O_CLOEXEC, 0), (long)begun, sizeof begun);
	time.tv_sec = stack[0] > 1 ? 0 : 120;
	time.tv_nsec = 0;
	if (stack[0] > 1)
		for (const char *digit = (const char *)stack[2]; *digit; digit++) time.tv_sec = time.tv_sec * 10 + *digit - '0';
	call(SYS_nanosleep, (long)&time, 0, 0);
	call(SYS_exit_group, 0, 0, 0);
}
