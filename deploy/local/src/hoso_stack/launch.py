"""Becomes one part's program, bound to die with the supervisor; standard library only, runs before any of our packages.

`python -I -S launch.py SUPERVISOR_PID DEATH_SIGNAL ACCOUNT FOLDER COMMAND…`. ACCOUNT says under whom: `same`, or, for
PostgreSQL, which refuses to be root and whom passwd does not know, `plain`: root, or an account without a name, gets a
user namespace in which it is called nobody, and root, where namespaces are forbidden, the account nobody with the one
right to pass root's folders; others stay. FOLDER is what the account must own. All this happens between fork and exec,
so that the supervisor needs no code in a forked child.
"""

import ctypes
import os
import pwd
import resource
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 4
CLONE_NEWUSER = 0x10000000
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534  # in every passwd, where PostgreSQL looks its account up

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call a function of the C library, and raise OSError when it fails."""
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def enter_user_namespace() -> None:
    """Keep the account, but call it nobody: files stay where and whose they are."""
    user, group = os.geteuid(), os.getegid()
    call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")


def become_nobody(folder: Path) -> None:
    """Become nobody, who may still walk through folders that only root may enter, and owns `folder`."""
    account = pwd.getpwnam("nobody")
    for path in [folder, *folder.rglob("*")]:
        os.lchown(path, account.pw_uid, account.pw_gid)
    # Rights neither go with the account nor are left out by access(2), by which PostgreSQL looks for its programs.
    call("prctl", PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    mask = 1 << CAP_DAC_OVERRIDE
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    call("capset", header, data)
    call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def change_account(account: str, folder: Path) -> None:
    """Stop being root where the part refuses root."""
    if account == "same" or (os.geteuid() != 0 and has_a_name()):
        return
    try:
        enter_user_namespace()
    except OSError:
        if os.geteuid() == 0:
            become_nobody(folder)


def has_a_name() -> bool:
    """Whether passwd knows this account: a container may run under any number."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def keep_in_memory() -> None:
    """Let no crash leave a dump of what the part had in its memory; 1 also stops a core_pattern that is a program."""
    # The soft limit only: no part raises it, and by the hard one it is seen that our services lower it by themselves.
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))


def main() -> None:
    """Bind this process to its supervisor and become the command."""
    supervisor, signal_number, account, folder, *command = sys.argv[1:]
    change_account(account, Path(folder))
    keep_in_memory()
    call("prctl", PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(supervisor):  # it died before the line above
        sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
