//! System calls that a child is refused, whatever it runs: those that open a socket, unless its pipeline has a network;
//! those that leave its process group, whose end is the end of all that it started; those that leave something in the
//! kernel when it has gone; and those that look into other processes. A filter in the kernel keeps it (seccomp).

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};
use std::io::{Error, Result};

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;
/// Where `struct seccomp_data` has the number of the call, and the architecture it is of.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// Numbers from here on are the calls of x86_64's second interface; no other architecture has so many.
const OTHER_INTERFACE: u32 = 0x4000_0000;

/// A socket by way of io_uring would pass this filter.
const NEVER: [libc::c_long; 14] = [
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_io_uring_setup,
];

/// For this process, all its threads, and all that they start. It cannot be taken back.
#[expect(unsafe_code, reason = "the kernel takes a filter by two system calls, for which there is no safe wrapper")]
pub fn install(network: bool) -> Result<()> {
    let mut program = program(network);
    let filter = sock_fprog { len: u16::try_from(program.len()).unwrap_or(0), filter: program.as_mut_ptr() };
    let (mode, all_threads) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC);
    // SAFETY: the first call takes numbers only; the second reads `filter` and the program it points to, which both
    // outlive it.
    let done = unsafe {
        match libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) {
            0 => libc::syscall(libc::SYS_seccomp, mode, all_threads, &raw const filter),
            failed => libc::c_long::from(failed),
        }
    };
    if done == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

fn program(network: bool) -> Vec<sock_filter> {
    let load = |offset| step(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
    let answer = |value| step(BPF_RET | BPF_K, value, 0, 0);
    let refuse = |errno: i32| answer(libc::SECCOMP_RET_ERRNO | errno.unsigned_abs());
    let mut program = vec![
        load(ARCHITECTURE),
        step(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER),
        step(BPF_JMP | BPF_JGE | BPF_K, OTHER_INTERFACE, 0, 1),
        refuse(libc::ENOSYS),
    ];
    let sockets = [(libc::SYS_socket, libc::EACCES)].into_iter().filter(|_| !network);
    for (call, errno) in NEVER.into_iter().map(|call| (call, libc::EPERM)).chain(sockets) {
        let number = u32::try_from(call).unwrap_or(u32::MAX);
        program.extend([step(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), refuse(errno)]);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

fn step(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}
