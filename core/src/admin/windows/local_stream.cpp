// SPDX-License-Identifier: MIT
#include "admin/local_stream.hpp"

#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/windows/overlapped_ptr.hpp>

#include <sddl.h>

#include "process/windows/handle.hpp"
#include "util/path.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core::admin {

namespace {

constexpr DWORD k_buffer = 65536;

// The TOKEN_USER of a token; empty on failure.
std::vector<char> user_of(HANDLE token) {
    DWORD size = 0;
    ::GetTokenInformation(token, TokenUser, nullptr, 0, &size);
    std::vector<char> user(size);
    if (size == 0 || ::GetTokenInformation(token, TokenUser, user.data(), size, &size) == FALSE) {
        user.clear();
    }
    return user;
}

PSID sid_of(std::vector<char> &user) {
    return reinterpret_cast<TOKEN_USER *>(user.data())->User.Sid;
}

std::vector<char> own_user() {
    HANDLE token = nullptr;
    if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == FALSE) {
        return {};
    }
    const Handle owner(token);
    return user_of(token);
}

// Full access for SYSTEM, administrators and this process's user; nobody else, nothing inherited.
PSECURITY_DESCRIPTOR make_descriptor() {
    auto user = own_user();
    wchar_t *sid = nullptr;
    if (user.empty() || ::ConvertSidToStringSidW(sid_of(user), &sid) == FALSE) {
        return nullptr;
    }
    const auto text = std::wstring(L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;") + sid + L")";
    ::LocalFree(sid);
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    ::ConvertStringSecurityDescriptorToSecurityDescriptorW(text.c_str(), SDDL_REVISION_1,
                                                           &descriptor, nullptr);
    return descriptor;
}

std::string owner_of(const fs::path &endpoint) {
    const Handle pipe(::CreateFileW(endpoint.c_str(), GENERIC_READ, 0, nullptr, OPEN_EXISTING,
                                    SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
    ULONG pid = 0;
    if (pipe.valid() && ::GetNamedPipeServerProcessId(pipe.get(), &pid) != FALSE && pid != 0) {
        return std::to_string(pid);
    }
    return "unknown";
}

// Asked first because it gives the better answer; FILE_FLAG_FIRST_PIPE_INSTANCE, which wine 8 does
// not heed, then decides between two hosts that start at the same moment.
bool is_served(const fs::path &endpoint) {
    return ::WaitNamedPipeW(endpoint.c_str(), 1) != FALSE || ::GetLastError() == ERROR_SEM_TIMEOUT;
}

std::unexpected<Error> taken(const fs::path &endpoint) {
    return fail(K2S_E_EXISTS,
                "another host (pid {}) already has the endpoint '{}': stop it, or give this one "
                "another instance name",
                owner_of(endpoint), path_text(endpoint));
}

// ConnectNamedPipe as an Asio operation; the pipe is already associated with the context.
template <class Token> auto async_connect(LocalStream &pipe, Token &&token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [&pipe](auto handler) {
            asio::windows::overlapped_ptr operation(
                pipe.get_executor(),
                [handler = std::move(handler)](boost::system::error_code failed,
                                               std::size_t) mutable { handler(failed); });
            const BOOL connected = ::ConnectNamedPipe(pipe.native_handle(), operation.get());
            const DWORD reason = ::GetLastError();
            if (connected != FALSE || reason == ERROR_IO_PENDING) {
                operation.release(); // the completion port has it now
                return;
            }
            // A client can come between the pipe's creation and this call.
            operation.complete(reason == ERROR_PIPE_CONNECTED
                                   ? boost::system::error_code()
                                   : boost::system::error_code(static_cast<int>(reason),
                                                               asio::error::get_system_category()),
                               0);
        },
        token);
}

} // namespace

struct LocalListener::State {
    asio::io_context &context;
    fs::path endpoint;
    PSECURITY_DESCRIPTOR descriptor;
    LocalStream next; // the instance that waits for a client; one always exists

    ~State() { ::LocalFree(descriptor); }

    bool make_instance(bool first) {
        SECURITY_ATTRIBUTES attributes{sizeof attributes, descriptor, FALSE};
        const HANDLE pipe = ::CreateNamedPipeW(
            endpoint.c_str(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
            PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, PIPE_UNLIMITED_INSTANCES,
            k_buffer, k_buffer, 0, &attributes);
        if (pipe == INVALID_HANDLE_VALUE) {
            return false;
        }
        next = LocalStream(asio::make_strand(context), pipe);
        return true;
    }
};

Result<LocalListener> LocalListener::open(asio::io_context &context, const fs::path &endpoint) {
    if (is_served(endpoint)) {
        return taken(endpoint);
    }
    std::unique_ptr<State> state(
        new State{context, endpoint, make_descriptor(), LocalStream(asio::make_strand(context))});
    if (state->descriptor == nullptr || !state->make_instance(true)) {
        const DWORD reason = ::GetLastError();
        // A second first instance: access denied, or busy where all instances are taken.
        if (state->descriptor != nullptr &&
            (reason == ERROR_ACCESS_DENIED || reason == ERROR_PIPE_BUSY)) {
            return taken(endpoint);
        }
        return fail(K2S_E_FAILED, "cannot open the admin endpoint '{}': {}", path_text(endpoint),
                    windows_error(reason));
    }
    return LocalListener(std::move(state));
}

LocalListener::LocalListener(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalListener::LocalListener(LocalListener &&) noexcept = default;
LocalListener::~LocalListener() = default;

asio::awaitable<LocalStream> LocalListener::accept() {
    auto &state = *state_;
    if (!state.next.is_open() && !state.make_instance(false)) {
        throw boost::system::system_error(static_cast<int>(::GetLastError()),
                                          asio::error::get_system_category());
    }
    boost::system::error_code failed;
    co_await async_connect(state.next, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) { // a client that was gone before it was served: the instance can be used again
        ::DisconnectNamedPipe(state.next.native_handle());
        throw boost::system::system_error(failed);
    }
    LocalStream connected = std::move(state.next);
    state.make_instance(false); // or at the next call
    co_return connected;
}

bool peer_is_trusted(LocalStream &stream) {
    if (::ImpersonateNamedPipeClient(stream.native_handle()) == FALSE) {
        return false;
    }
    HANDLE token = nullptr;
    const BOOL opened = ::OpenThreadToken(::GetCurrentThread(), TOKEN_QUERY, TRUE, &token);
    ::RevertToSelf();
    if (opened == FALSE) {
        return false;
    }
    const Handle owner(token);
    auto theirs = user_of(token);
    auto ours = own_user();
    if (theirs.empty() || ours.empty()) {
        return false;
    }
    if (::EqualSid(sid_of(theirs), sid_of(ours)) != FALSE ||
        ::IsWellKnownSid(sid_of(theirs), WinLocalSystemSid) != FALSE) {
        return true;
    }
    char administrators[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof administrators;
    BOOL member = FALSE;
    return ::CreateWellKnownSid(WinBuiltinAdministratorsSid, nullptr, administrators, &size) !=
               FALSE &&
           ::CheckTokenMembership(token, administrators, &member) != FALSE && member != FALSE;
}

Result<LocalStream> connect_local(asio::io_context &context, const fs::path &endpoint,
                                  std::chrono::milliseconds timeout) {
    const auto until = ::GetTickCount64() + static_cast<ULONGLONG>(timeout.count());
    // Identification only: whoever made this pipe can learn who asks, but not act as them.
    const auto open = [&] {
        return ::CreateFileW(
            endpoint.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr);
    };
    HANDLE pipe = open();
    while (pipe == INVALID_HANDLE_VALUE && ::GetLastError() == ERROR_PIPE_BUSY &&
           ::GetTickCount64() < until) {
        ::WaitNamedPipeW(endpoint.c_str(), 100); // however that ends, the next attempt tells
        pipe = open();
    }
    const DWORD reason = ::GetLastError();
    if (pipe != INVALID_HANDLE_VALUE) {
        LocalStream stream(context);
        stream.assign(pipe);
        return stream;
    }
    if (reason == ERROR_ACCESS_DENIED) {
        return fail(K2S_E_PERMISSION,
                    "the host at '{}' runs as another user; only that user, SYSTEM and "
                    "administrators can talk to it",
                    path_text(endpoint));
    }
    if (reason == ERROR_PIPE_BUSY) {
        return fail(K2S_E_BUSY, "the host at '{}' has too many clients; try again",
                    path_text(endpoint));
    }
    return fail(K2S_E_NOT_FOUND, "no K2s host is running at '{}' ({}): start one with 'k2s run'",
                path_text(endpoint), windows_error(reason));
}

} // namespace k2s::core::admin
