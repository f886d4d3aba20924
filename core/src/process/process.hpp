// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/filesystem/path.hpp>

#include "util/result.hpp"

namespace k2s::core::process {

namespace fs = boost::filesystem;

#ifdef _WIN32
using NativeHandle = void *;
#else
using NativeHandle = int;
#endif

/// Where one output stream of a child goes.
struct Output {
    enum class To { Discard, Inherit, Deliver };

    /// Gets each piece as it arrives, on the thread that is in wait(); false ends the child.
    using Sink = std::function<bool(std::string_view)>;

    To to = To::Discard;
    Sink sink;
    /// Bytes that the sink gets at most. What is beyond is read and dropped, so that the child does
    /// not block, or it ends the child when `strict`.
    std::uint64_t limit = 16 * 1024 * 1024;
    bool strict = false;

    static Output discard() { return {}; }
    static Output inherit() { return {To::Inherit, {}, 0, false}; }
    static Output deliver(Sink sink, std::uint64_t limit, bool strict = false) {
        return {To::Deliver, std::move(sink), limit, strict};
    }
    /// Appends to `text`, which has to live as long as the Process.
    static Output append(std::string &text, std::uint64_t limit, bool strict = false) {
        auto sink = [&text](std::string_view piece) {
            text.append(piece);
            return true;
        };
        return deliver(std::move(sink), limit, strict);
    }
};

/// A handle that the child inherits besides its standard streams. The child learns its number from
/// `arguments[argument]`, which is replaced with it.
struct Passed {
    NativeHandle handle;
    std::size_t argument;
};

/// What to start. There is never a shell between the caller and the program.
struct Spec {
    /// With a directory in it: taken as it is. A bare name: looked for in the PATH that the child
    /// will have; Windows adds ".exe" and does not look in the current directory.
    fs::path program;
    /// Without argv[0], which is the program. Linux: bytes as they are. Windows: UTF-8 (WTF-8).
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> set_environment;
    std::vector<std::string> unset_environment;
    /// Starts from an empty environment instead of this process's.
    bool clear_environment = false;
    fs::path directory; // empty: this process's

    bool inherit_input = false;
    std::string input; // otherwise this, then end of file
    Output out;
    Output err;

    /// A further output stream for structured results that ordinary prints cannot pollute; its
    /// number replaces arguments[report_argument].
    Output report;
    std::optional<std::size_t> report_argument;
    std::vector<Passed> passed;

    /// Zero: no deadline.
    std::chrono::milliseconds deadline{0};
    std::stop_token cancel;

    /// Windows: what the tree's job object and token allow. A Linux program limits itself.
    struct Job {
        std::uint64_t memory = 0;    ///< bytes committed by all together; 0: no limit
        std::uint32_t processes = 0; ///< at the same time; 0: no limit
        bool restricted = false;     ///< a token without privileges
        bool low_integrity = false;  ///< may write nothing that an ordinary process owns
    } job;
};

enum class End : std::uint8_t {
    Exited,      // by itself: exit_code
    Crashed,     // by a signal or an exception: signal
    Deadline,    // the tree was killed at the deadline
    Cancelled,   // the tree was killed because the caller asked for it
    OutputLimit, // the tree was killed because of a strict limit or a sink that said false
};

struct Outcome {
    End end = End::Exited;
    int exit_code = 0;
    /// Linux: signal number; Windows: NTSTATUS of the exception.
    std::uint32_t signal = 0;
    bool truncated = false; // some stream had more than its limit

    [[nodiscard]] bool succeeded() const { return end == End::Exited && exit_code == 0; }
};

/// "exited with code 3", "was ended by signal 11 (Segmentation fault)", …
std::string describe(const Outcome &outcome);

/// A running child and every process below it.
///
/// The whole tree ends when the program itself ends, at the deadline, on cancellation, when this
/// object goes away, and when this process dies in whatever way. How, see linux/supervisor.hpp
/// and windows/process.cpp, which also name the limits.
class Process {
  public:
    /// Errors: K2S_E_NOT_FOUND (no such program or directory), K2S_E_PERMISSION (not executable),
    /// K2S_E_UNSUPPORTED (not a program of this platform), K2S_E_USAGE, K2S_E_FAILED.
    static Result<Process> start(Spec spec);

    Process(Process &&) noexcept;
    Process &operator=(Process &&) noexcept;
    ~Process();

    [[nodiscard]] std::uint64_t id() const;

    /// Moves the streams until the child is gone. Call once. A failure here is one of this process
    /// (no memory, no descriptors); the child's own failure is in the outcome.
    Result<Outcome> wait();

    class Running; // the platform's
  private:
    explicit Process(std::unique_ptr<Running> running);
    std::unique_ptr<Running> running_;
};

/// start and wait. [may block until the deadline]
Result<Outcome> run(Spec spec);

} // namespace k2s::core::process
