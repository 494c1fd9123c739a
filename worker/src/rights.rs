//! What root may do and an item's process may not: where it is root (in a container, for example) it keeps of root's
//! capabilities those that read and write files, which Landlock bounds, and none that look into processes, load code into
//! the kernel, mount, or open raw sockets.

use std::io::{Error, Result};

/// Version 3 of `struct __user_cap_header_struct`: two times three words of 32 bits.
const VERSION: u32 = 0x2008_0522;
/// CAP_DAC_OVERRIDE and CAP_FOWNER, by their numbers.
const KEPT: u32 = 1 << 1 | 1 << 3;

/// For this process, which must have one thread. Programs that it starts gain none: see `filter`, which forbids new rights.
#[expect(unsafe_code, reason = "capabilities are read and set by two system calls, for which there is no safe wrapper")]
pub fn drop_capabilities() -> Result<()> {
    let (header, mut sets) = ([VERSION, 0], [0_u32; 6]);
    // SAFETY: the kernel reads the header and fills the six words that its version stands for.
    if unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) } != 0 {
        return Err(Error::last_os_error());
    }
    // Effective, permitted, inheritable; of the lower and of the upper 32.
    let [effective, permitted, _, ..] = sets;
    let fewer = [effective & KEPT, permitted & KEPT, 0, 0, 0, 0];
    // SAFETY: the kernel reads the header and six words.
    match unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), fewer.as_ptr()) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
