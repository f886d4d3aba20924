//! @NAME@: one command, one service and one contract.
mod abi;

use abi::*;
use std::mem::size_of;
use std::os::raw::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::sync::Mutex;
use std::time::Instant;

static HOST: AtomicPtr<Host> = AtomicPtr::new(null_mut());
/// Running services by handle. Status may be asked from any thread.
static STARTED: Mutex<(u64, Vec<(u64, Instant)>)> = Mutex::new((0, Vec::new()));

/// The contract @NAME@.greeter: what other plugins may call. It may grow at its end.
#[repr(C)]
struct Greeter {
    struct_size: u32,
    reserved: u32,
    greet: extern "C" fn(*mut c_void, Str, *const Sink) -> i32,
}

fn fail(error: *mut Error, code: i32, message: &str) -> i32 {
    if let Some(error) = unsafe { error.as_mut() } {
        if error.struct_size as usize >= size_of::<Error>() {
            error.code = code;
            for (to, from) in error.domain.iter_mut().zip(b"@NAME@\0") {
                *to = *from as c_char;
            }
            for (to, from) in error.message.iter_mut().zip(message.bytes().take(511).chain([0])) {
                *to = from as c_char;
            }
        }
    }
    code
}

fn put(sink: *const Sink, text: &str) -> i32 {
    let sink = unsafe { &*sink };
    (sink.write)(sink.context, Str { ptr: text.as_ptr(), len: text.len() as u64 })
}

/// Nothing when the host does not have it, or, being older, less of it than is used here. Every table
/// begins with its size.
fn interface<T>(id: &'static str) -> Option<&'static T> {
    let host = HOST.load(Relaxed);
    let table = unsafe { ((*host).get)(host, Str::new(id)) };
    let size = unsafe { (table as *const u32).as_ref() }?;
    if *size as usize >= size_of::<T>() {
        unsafe { (table as *const T).as_ref() }
    } else {
        None
    }
}

fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => json.push(' '),
            c => json.push(c),
        }
    }
    json + "\""
}

extern "C" fn collect(context: *mut c_void, data: Str) -> i32 {
    unsafe { (*(context as *mut Vec<u8>)).extend_from_slice(data.bytes()) };
    OK
}

/// The JSON string "<greeting>, <name>".
fn greeting(name: &[u8]) -> Option<String> {
    let mut first = Vec::new();
    let sink = Sink {
        struct_size: size_of::<Sink>() as u32,
        reserved: 0,
        context: &mut first as *mut Vec<u8> as *mut c_void,
        write: collect,
    };
    let config = interface::<Config>("k2s.config/1")?;
    if (config.read)(HOST.load(Relaxed), Str::new("/@NAME@/greeting"), &sink, null_mut()) < 0 {
        return None;
    }
    let first = String::from_utf8(first).ok()?; // JSON, with its quotes
    let first = first.strip_suffix('"')?;
    let name = quoted(&String::from_utf8_lossy(name));
    Some(format!("{}, {}", first, &name[1..]))
}

extern "C" fn greet(_: *mut c_void, name: Str, out: *const Sink) -> i32 {
    match greeting(unsafe { name.bytes() }) {
        Some(text) => put(out, &text),
        None => E_CONFIG,
    }
}

// The host has parsed the command line and checked the settings.
extern "C" fn run(_: *mut c_void, call: *const Invocation, error: *mut Error) -> i32 {
    let call = unsafe { &*call };
    for n in 0..call.value_count {
        let at = call.values as *const u8;
        let value = unsafe { &*(at.add((n * call.value_stride) as usize) as *const Value) };
        if unsafe { value.name.bytes() } != b"name" {
            continue;
        }
        return match greeting(unsafe { value.text.bytes() }) {
            Some(text) => put(call.data, &format!("{{\"message\": {}}}", text)),
            None => fail(error, E_CONFIG, "there is no greeting in the settings"),
        };
    }
    fail(error, E_USAGE, "there is no name")
}

extern "C" fn start(
    _: *mut c_void, _: Str, _: Str, _: Str, out: *mut u64, _: *mut Error,
) -> i32 {
    let mut started = STARTED.lock().unwrap();
    started.0 += 1;
    let handle = started.0;
    started.1.push((handle, Instant::now()));
    unsafe { *out = handle };
    OK
}

extern "C" fn reload(_: *mut c_void, _: u64, _: Str, _: *mut Error) -> i32 {
    OK
}

extern "C" fn stop(_: *mut c_void, service: u64, _: u64, error: *mut Error) -> i32 {
    let mut started = STARTED.lock().unwrap();
    let before = started.1.len();
    started.1.retain(|(handle, _)| *handle != service);
    if started.1.len() < before {
        OK
    } else {
        fail(error, E_NOT_FOUND, "no such service")
    }
}

extern "C" fn status(_: *mut c_void, service: u64, out: *const Sink, error: *mut Error) -> i32 {
    match STARTED.lock().unwrap().1.iter().find(|(handle, _)| *handle == service) {
        Some((_, begin)) => put(out, &format!("{{\"seconds\": {}}}", begin.elapsed().as_secs())),
        None => fail(error, E_NOT_FOUND, "no such service"),
    }
}

static GREETER: Greeter = Greeter { struct_size: size_of::<Greeter>() as u32, reserved: 0, greet };
static COMMANDS: Commands = Commands { struct_size: size_of::<Commands>() as u32, reserved: 0, run };
static SERVICES: Services =
    Services { struct_size: size_of::<Services>() as u32, reserved: 0, start, reload, stop, status };

extern "C" fn create(_: *mut c_void, error: *mut Error) -> i32 {
    let registry = match interface::<Registry>("k2s.registry/1") {
        Some(registry) => registry,
        None => return fail(error, E_UNSUPPORTED, "this host has no registry"),
    };
    let mut provided = 0; // the host withdraws it before destroy
    let contract = Contract { table: &GREETER as *const Greeter as *const c_void, this: null_mut() };
    (registry.provide)(
        HOST.load(Relaxed), Str::new("@NAME@.greeter"), contract, &mut provided, error)
}

extern "C" fn destroy(_: *mut c_void) {}

extern "C" fn get(_: *mut c_void, id: Str) -> *const c_void {
    match unsafe { id.bytes() } {
        b"k2s.commands/1" => &COMMANDS as *const Commands as *const c_void,
        b"k2s.services/1" => &SERVICES as *const Services as *const c_void,
        _ => null(),
    }
}

struct Shared(Plugin);
unsafe impl Sync for Shared {} // it is never written to

static PLUGIN: Shared = Shared(Plugin {
    struct_size: size_of::<Plugin>() as u32,
    abi_minor: 0,
    this: null_mut(),
    id: Str::new("@NAME@"),
    version: Str::new("0.1.0"),
    create,
    destroy,
    get,
});

/// The one export.
///
/// # Safety
/// Called by the host as k2s/abi/plugin.h says.
#[no_mangle]
pub unsafe extern "C" fn k2s_plugin_entry_v1(
    host: *const Host, plugin: *mut *const Plugin, _: *mut Error,
) -> i32 {
    HOST.store(host as *mut Host, Relaxed);
    *plugin = &PLUGIN.0;
    OK
}
