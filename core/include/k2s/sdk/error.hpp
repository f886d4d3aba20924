// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <k2s/abi/base.h>
#include <k2s/sdk/text.hpp>

namespace k2s {

/// What went wrong, for a person: the message names the thing, the reason and the remedy.
/// `code` is a negative K2S_E_* status; `exit_code(code)` is what a command ends with.
struct Error {
    int32_t code = K2S_E_FAILED;
    std::string message;
};

/// The process exit code of a status: 1 to 8 for the codes that have one (abi/base.h), else 1.
constexpr int exit_code(int32_t status) noexcept {
    if (status >= 0) {
        return status;
    }
    return status >= K2S_E_PARTIAL ? -status : 1;
}

/// The outcome of a call into a plugin: a value that is not negative, or an Error.
class Status {
  public:
    Status(int32_t value = K2S_OK) noexcept : value_(value) {}
    Status(Error error) noexcept : value_(error.code), message_(std::move(error.message)) {}

    bool ok() const noexcept { return value_ >= 0; }
    int32_t value() const noexcept { return value_; }
    Error error() const { return {value_, message_}; }
    const std::string &message() const noexcept { return message_; }

  private:
    int32_t value_;
    std::string message_;
};

/// Fills an ABI error; a NULL `out` is allowed. Returns the code, for `return report(…)`.
inline int32_t report(k2s_error *out, int32_t code, std::string_view domain,
                      std::string_view message) noexcept {
    if (out != nullptr && K2S_HAS(out, message)) {
        out->code = code;
        copy_text(out->domain, domain);
        copy_text(out->message, message);
    }
    return code;
}

/// An empty ABI error, ready to be passed to a call.
inline k2s_error make_error() noexcept {
    k2s_error error{};
    error.struct_size = sizeof(error);
    return error;
}

/// The Error of a call that returned `status`.
inline Error to_error(int32_t status, const k2s_error &error) {
    return {status, error.message[0] != '\0'
                        ? std::string(error.message)
                        : "failed without a message (status " + std::to_string(status) + ")"};
}

/// Runs `body` (which returns a Status) where no exception may escape: the edge of a module.
template <class Body>
int32_t guarded(k2s_error *out, std::string_view domain, Body &&body) noexcept {
    try {
        const Status status = std::forward<Body>(body)();
        return status.ok() ? status.value() : report(out, status.value(), domain, status.message());
    } catch (const std::bad_alloc &) {
        return report(out, K2S_E_NO_MEMORY, domain, "out of memory");
    } catch (const std::exception &caught) {
        return report(out, K2S_E_FAILED, domain, caught.what());
    } catch (...) {
        return report(out, K2S_E_FAILED, domain, "an exception that is not a std::exception");
    }
}

} // namespace k2s
