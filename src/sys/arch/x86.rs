//! x86, 32 bits: syscall(2), "Architecture calling conventions". The compiler lends neither ebx nor esi, so both functions
//! are written whole; their arguments are on the stack, the first above three saved registers.

use core::arch::naked_asm;
use linux_raw_sys::general::__NR_clone;

/// One system call with up to five arguments; what the kernel answers, as it stands.
///
/// # Safety
/// The arguments mean what system call `number` takes them for, and every pointer among them is good for that.
#[unsafe(naked)]
pub unsafe extern "C" fn syscall(number: u32, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    naked_asm!(
        "push ebx",
        "push esi",
        "push edi",
        "mov eax, [esp + 16]",
        "mov ebx, [esp + 20]",
        "mov ecx, [esp + 24]",
        "mov edx, [esp + 28]",
        "mov esi, [esp + 32]",
        "mov edi, [esp + 36]",
        "int 0x80", // which keeps every register but eax
        "pop edi",
        "pop esi",
        "pop ebx",
        "ret",
    )
}

/// clone(2) with a child that starts in `entry(argument)` on the stack below `stack`, or, if that is NULL, below this very
/// frame.
///
/// # Safety
/// `stack` ends memory that only the child uses, enough for `entry`, aligned to 16; without one the caller sleeps as long as
/// the child uses its stack (CLONE_VFORK). `entry` never returns; `tid` stays writable as long as the child runs.
#[unsafe(naked)]
pub unsafe extern "C" fn clone(
    flags: u32,
    stack: *mut u8,
    tid: *const i32,
    entry: unsafe extern "C" fn(*const ()) -> !,
    argument: *const (),
) -> isize {
    naked_asm!(
        "push ebx",
        "push esi",
        "push edi",
        "push ebp",
        "mov ebx, [esp + 20]",
        "mov ecx, [esp + 24]",
        "mov edx, [esp + 28]",
        "mov edi, edx", // the child's id comes last here
        "mov esi, [esp + 32]", // entry and argument, which the child has no other way to
        "mov ebp, [esp + 36]",
        "mov eax, {number}",
        "int 0x80",
        "test eax, eax",
        "jnz 2f",
        "and esp, -16",
        "sub esp, 12",
        "push ebp",
        "xor ebp, ebp", // the child's outermost frame
        "call esi",
        "ud2",
        "2:",
        "pop ebp",
        "pop edi",
        "pop esi",
        "pop ebx",
        "ret",
        number = const __NR_clone,
    )
}
