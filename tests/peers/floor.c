/* The floor: the least that a launcher can do, written by hand without a C library.
     floor-vfork PIDFILE PROGRAM...   twice vfork, whose parent sleeps until its child has executed or exited: no pipe,
                                      no copied page tables; all three share `failed`
     floor-fork PIDFILE PROGRAM...    twice fork, and a pipe that closes when the program is executed
     floor-monitor PROGRAM...         one vfork, then wait for the end
   It does less than dmz: no lock, no checks, no signals, no descriptors closed, no message. */
#include "system.h"

#ifdef FORK
enum { BRANCH = SYS_fork };
#else
enum { BRANCH = SYS_vfork };
#endif

#define OUT(code) call(SYS_exit_group, code, 0, 0)

static inline __attribute__((always_inline)) void write_pid(long pidfile)
{
	char text[12], *at = text + sizeof text;
	*--at = '\n';
	for (long pid = call(SYS_getpid, 0, 0, 0); pid; pid /= 10) *--at = '0' + pid % 10;
	long file = call(SYS_open, pidfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	call(SYS_write, file, (long)at, text + sizeof text - at);
	call(SYS_close, file, 0, 0);
}

__attribute__((used)) static void begin(long *stack)
{
	long *words = stack + 1, environment = (long)(words + stack[0] + 1);
#ifdef MONITOR
	if (!call(SYS_vfork, 0, 0, 0)) {
		call(SYS_execve, words[1], (long)(words + 1), environment);
		OUT(127);
	}
	while (call(SYS_wait4, -1, 0, 0) > 0) {}
	OUT(0);
#else
	volatile int failed = 0;
#ifdef FORK
	int ends[2];
	char word;
	call(SYS_pipe2, (long)ends, O_CLOEXEC, 0);
#endif
	if (call(BRANCH, 0, 0, 0)) {
#ifdef FORK
		call(SYS_close, ends[1], 0, 0);
		failed = call(SYS_read, ends[0], (long)&word, 1);
#endif
		OUT(failed ? 127 : 0);
	}
	call(SYS_setsid, 0, 0, 0);
	if (call(BRANCH, 0, 0, 0)) OUT(0);
	call(SYS_chdir, (long)"/", 0, 0);
	call(SYS_umask, 0, 0, 0);
	write_pid(words[1]);
	long null = call(SYS_open, (long)"/dev/null", O_RDWR | O_CLOEXEC, 0);
	for (int i = 0; i < 3; i++) call(SYS_dup2, null, i, 0);
	call(SYS_execve, words[2], (long)(words + 2), environment);
	failed = 1;
#ifdef FORK
	call(SYS_write, ends[1], (long)"!", 1);
#endif
	OUT(127);
#endif
}
