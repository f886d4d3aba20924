//! The part of the K2s plugin ABI that this plugin uses, as k2s/abi/*.h declares it.
#![allow(dead_code)]
use std::os::raw::{c_char, c_void};

pub const OK: i32 = 0;
pub const E_USAGE: i32 = -2;
pub const E_CONFIG: i32 = -3;
pub const E_UNSUPPORTED: i32 = -4;
pub const E_NOT_FOUND: i32 = -6;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const u8,
    pub len: u64,
}

impl Str {
    pub const fn new(text: &'static str) -> Str {
        Str { ptr: text.as_ptr(), len: text.len() as u64 }
    }
    /// # Safety
    /// The text must live as long as the result is used: for the call that brought it.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 {
            &[]
        } else {
            std::slice::from_raw_parts(self.ptr, self.len as usize)
        }
    }
}

#[repr(C)]
pub struct Error {
    pub struct_size: u32,
    pub code: i32,
    pub domain: [c_char; 32],
    pub message: [c_char; 512],
}

#[repr(C)]
pub struct Sink {
    pub struct_size: u32,
    pub reserved: u32,
    pub context: *mut c_void,
    pub write: extern "C" fn(*mut c_void, Str) -> i32,
}

#[repr(C)]
pub struct Host {
    pub struct_size: u32,
    pub abi_minor: u32,
    pub context: *mut c_void,
    pub version: Str,
    pub get: extern "C" fn(*const Host, Str) -> *const c_void,
}

#[repr(C)]
pub struct Plugin {
    pub struct_size: u32,
    pub abi_minor: u32,
    pub this: *mut c_void,
    pub id: Str,
    pub version: Str,
    pub create: extern "C" fn(*mut c_void, *mut Error) -> i32,
    pub destroy: extern "C" fn(*mut c_void),
    pub get: extern "C" fn(*mut c_void, Str) -> *const c_void,
}

/// k2s.config/1
#[repr(C)]
pub struct Config {
    pub struct_size: u32,
    pub reserved: u32,
    pub generation: extern "C" fn(*const Host) -> u64,
    pub read: extern "C" fn(*const Host, Str, *const Sink, *mut Error) -> i32,
}

/// k2s.registry/1, as far as it is used here.
#[repr(C)]
pub struct Registry {
    pub struct_size: u32,
    pub reserved: u32,
    pub provide: extern "C" fn(*const Host, Str, Contract, *mut u64, *mut Error) -> i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Contract {
    pub table: *const c_void,
    pub this: *mut c_void,
}

/// k2s.commands/1
#[repr(C)]
pub struct Commands {
    pub struct_size: u32,
    pub reserved: u32,
    pub run: extern "C" fn(*mut c_void, *const Invocation, *mut Error) -> i32,
}

#[repr(C)]
pub struct Value {
    pub name: Str,
    pub text: Str,
    pub integer: i64,
    pub real: f64,
    pub items: *const Str,
    pub item_count: u64,
    pub kind: u32,
    pub origin: u32,
}

#[repr(C)]
pub struct Invocation {
    pub struct_size: u32,
    pub dry_run: u32,
    pub command: Str,
    pub values: *const Value,
    pub value_count: u64,
    pub value_stride: u64,
    pub out: *const Sink,
    pub err: *const Sink,
    pub data: *const Sink,
}

/// k2s.services/1
#[repr(C)]
pub struct Services {
    pub struct_size: u32,
    pub reserved: u32,
    pub start: extern "C" fn(*mut c_void, Str, Str, Str, *mut u64, *mut Error) -> i32,
    pub reload: extern "C" fn(*mut c_void, u64, Str, *mut Error) -> i32,
    pub stop: extern "C" fn(*mut c_void, u64, u64, *mut Error) -> i32,
    pub status: extern "C" fn(*mut c_void, u64, *const Sink, *mut Error) -> i32,
}
