"""The recipe of the textbooks: recipe.py PIDFILE PROGRAM ARGUMENTS."""
import os
import sys

if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/")
os.umask(0)
with open(sys.argv[1], "w") as file:
    print(os.getpid(), file=file)
null = os.open("/dev/null", os.O_RDWR)
for descriptor in range(3):
    os.dup2(null, descriptor)
os.execv(sys.argv[2], sys.argv[2:])
