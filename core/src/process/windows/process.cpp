// SPDX-License-Identifier: MIT
#include "process/process.hpp"

#include <algorithm>

#include "process/command.hpp"
#include "process/windows/handle.hpp"
#include "process/windows/launch.hpp"
#include "process/windows/pipe.hpp"
#include "util/path.hpp"
#include "util/windows/wide.hpp"

// The tree is a job object without the right to break away: everything that the program starts is
// in it, TerminateJobObject ends it all, and closing the last handle does the same, so the death of
// this process takes the tree along.

namespace k2s::core::process {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds k_end_patience{8};
constexpr DWORD k_drain_ms = 2000; // for what is still in the pipes of a dead tree

struct ExceptionName {
    std::uint32_t status;
    const char *text;
};
constexpr ExceptionName k_exceptions[] = {
    {0xC0000005, "access violation"},
    {0xC0000006, "page could not be read"},
    {0xC0000017, "no memory"},
    {0xC000001D, "illegal instruction"},
    {0xC0000025, "noncontinuable"},
    {0xC0000094, "integer division by zero"},
    {0xC00000FD, "stack overflow"},
    {0xC0000135, "a DLL that it needs is missing"},
    {0xC0000139, "a DLL lacks an entry point"},
    {0xC000013A, "Ctrl-C"},
    {0xC0000142, "a DLL failed to initialise"},
    {0xC0000374, "heap corruption"},
    {0xC0000409, "fail-fast"},
    {0x40000015, "abort"},
};

// NTSTATUS of severity "error" from the system itself; exit(-1) is 0xFFFFFFFF and not one of them.
bool is_exception(DWORD code) {
    return (code >> 28) == 0xC || code == 0x40000015;
}

} // namespace

class Process::Running {
  public:
    explicit Running(Spec spec) : spec_(std::move(spec)) {}
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    ~Running() {
        on_cancel_.reset();
        if (launched_.job.valid()) {
            ::TerminateJobObject(launched_.job.get(), 1);
        }
    }

    Result<void> start();
    Result<Outcome> wait();
    [[nodiscard]] DWORD id() const { return launched_.id; }

  private:
    Result<HANDLE> add_inherited(HANDLE original);
    Result<HANDLE> add_output(const Output &output, DWORD standard);
    Result<HANDLE> add_input();
    void end_tree(End why);
    void drain();
    void wait_for_descendants();

    Spec spec_;
    std::vector<Handle> child_side_;
    std::vector<std::unique_ptr<Reader>> readers_;
    std::unique_ptr<Writer> writer_;
    Launched launched_;
    Handle cancelled_;
    std::optional<std::stop_callback<std::function<void()>>> on_cancel_;
    Clock::time_point until_ = Clock::time_point::max();
    std::optional<End> ending_;
};

Result<HANDLE> Process::Running::add_inherited(HANDLE original) {
    HANDLE copy = nullptr;
    const HANDLE self = ::GetCurrentProcess();
    if (original == nullptr || original == INVALID_HANDLE_VALUE ||
        ::DuplicateHandle(self, original, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS) == FALSE) {
        // A service has no standard streams; its children read and write nothing then.
        SECURITY_ATTRIBUTES inheritable{sizeof inheritable, nullptr, TRUE};
        copy =
            ::CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                          &inheritable, OPEN_EXISTING, 0, nullptr);
    }
    child_side_.emplace_back(copy);
    if (!child_side_.back().valid()) {
        return fail(K2S_E_FAILED, "cannot start '{}': no handle for its streams: {}",
                    path_text(spec_.program), windows_error(::GetLastError()));
    }
    return copy;
}

Result<HANDLE> Process::Running::add_output(const Output &output, DWORD standard) {
    if (output.to == Output::To::Inherit) {
        return add_inherited(::GetStdHandle(standard));
    }
    if (output.to == Output::To::Discard) {
        return add_inherited(nullptr);
    }
    auto pipe = make_pipe(Direction::FromChild);
    if (!pipe) {
        return pass(pipe);
    }
    readers_.push_back(std::make_unique<Reader>(std::move(pipe->near_side), output));
    child_side_.push_back(std::move(pipe->far_side));
    return child_side_.back().get();
}

Result<HANDLE> Process::Running::add_input() {
    if (spec_.inherit_input) {
        return add_inherited(::GetStdHandle(STD_INPUT_HANDLE));
    }
    if (spec_.input.empty()) {
        return add_inherited(nullptr);
    }
    auto pipe = make_pipe(Direction::ToChild);
    if (!pipe) {
        return pass(pipe);
    }
    writer_ = std::make_unique<Writer>(std::move(pipe->near_side), spec_.input);
    child_side_.push_back(std::move(pipe->far_side));
    return child_side_.back().get();
}

Result<void> Process::Running::start() {
    if (auto checked = check(spec_); !checked) {
        return checked;
    }
    auto in = add_input();
    if (!in) {
        return pass(in);
    }
    auto out = add_output(spec_.out, STD_OUTPUT_HANDLE);
    if (!out) {
        return pass(out);
    }
    auto err = add_output(spec_.err, STD_ERROR_HANDLE);
    if (!err) {
        return pass(err);
    }
    const auto number = [](HANDLE handle) {
        return std::to_string(reinterpret_cast<std::uintptr_t>(handle));
    };
    if (spec_.report_argument) {
        auto report = add_output(spec_.report, STD_OUTPUT_HANDLE);
        if (!report) {
            return pass(report);
        }
        spec_.arguments[*spec_.report_argument] = number(*report);
    }
    for (const auto &passed : spec_.passed) {
        auto copy = add_inherited(passed.handle);
        if (!copy) {
            return pass(copy);
        }
        spec_.arguments[passed.argument] = number(*copy);
    }
    std::vector<HANDLE> inherited;
    for (const auto &handle : child_side_) {
        inherited.push_back(handle.get());
    }
    auto launched = launch(spec_, {*in, *out, *err}, std::move(inherited));
    child_side_.clear(); // so that the end of each stream is seen
    if (!launched) {
        return pass(launched);
    }
    launched_ = std::move(*launched);
    if (spec_.deadline.count() > 0) {
        until_ = Clock::now() + spec_.deadline;
    }
    for (auto &reader : readers_) {
        reader->begin();
    }
    if (writer_) {
        writer_->begin();
    }
    return {};
}

void Process::Running::end_tree(End why) {
    if (!ending_) {
        ending_ = why;
        until_ = Clock::now() + k_end_patience;
        ::TerminateJobObject(launched_.job.get(), 1);
    }
}

// The tree is dead, so each pipe ends after what is in it.
void Process::Running::drain() {
    const auto until = ::GetTickCount64() + k_drain_ms;
    for (auto &reader : readers_) {
        while (reader->open() && ::GetTickCount64() < until) {
            if (::WaitForSingleObject(reader->event(), k_drain_ms) != WAIT_OBJECT_0) {
                break;
            }
            if (!reader->finish()) {
                end_tree(End::OutputLimit);
            }
        }
    }
}

// TerminateJobObject returns before the last process is gone.
void Process::Running::wait_for_descendants() {
    const auto until = ::GetTickCount64() + k_drain_ms;
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION job{};
    while (::QueryInformationJobObject(launched_.job.get(), JobObjectBasicAccountingInformation,
                                       &job, sizeof job, nullptr) != FALSE &&
           job.ActiveProcesses > 0 && ::GetTickCount64() < until) {
        ::Sleep(1);
    }
}

Result<Outcome> Process::Running::wait() {
    if (spec_.cancel.stop_possible()) {
        cancelled_ = Handle(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
        on_cancel_.emplace(spec_.cancel, [event = cancelled_.get()] { ::SetEvent(event); });
    }
    for (bool running = true; running;) {
        // The program's end is last, so that a steady writer cannot be starved by it or starve it:
        // the index of the first signalled handle is what is returned.
        std::vector<HANDLE> events;
        if (cancelled_.valid() && !ending_) {
            events.push_back(cancelled_.get());
        }
        const std::size_t first_stream = events.size();
        std::vector<Reader *> open;
        for (auto &reader : readers_) {
            if (reader->open()) {
                open.push_back(reader.get());
                events.push_back(reader->event());
            }
        }
        const std::size_t writer_at = events.size();
        if (writer_ && writer_->open()) {
            events.push_back(writer_->event());
        }
        const std::size_t process_at = events.size();
        events.push_back(launched_.process.get());

        DWORD timeout = INFINITE;
        if (until_ != Clock::time_point::max()) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now()).count();
            timeout = static_cast<DWORD>(std::clamp<std::int64_t>(left, 0, 1 << 30));
        }
        const DWORD ready = ::WaitForMultipleObjects(static_cast<DWORD>(events.size()),
                                                     events.data(), FALSE, timeout);
        if (ready == WAIT_FAILED) {
            return fail(K2S_E_FAILED, "'{}': cannot wait for it: {}", path_text(spec_.program),
                        windows_error(::GetLastError()));
        }
        if (Clock::now() >= until_) {
            if (ending_) {
                return fail(K2S_E_BUSY, "'{}' (pid {}) could not be ended",
                            path_text(spec_.program), launched_.id);
            }
            end_tree(End::Deadline);
        } else if (ready == WAIT_TIMEOUT) {
            continue;
        } else if (const std::size_t at = ready - WAIT_OBJECT_0; at < first_stream) {
            end_tree(End::Cancelled);
        } else if (at < writer_at) {
            if (!open[at - first_stream]->finish()) {
                end_tree(End::OutputLimit);
            }
        } else if (at < process_at) {
            writer_->finish();
        } else {
            running = false;
        }
    }

    DWORD code = 0;
    ::GetExitCodeProcess(launched_.process.get(), &code);
    ::TerminateJobObject(launched_.job.get(), 1); // what the program left behind
    drain();
    wait_for_descendants();
    Outcome outcome;
    for (const auto &reader : readers_) {
        outcome.truncated = outcome.truncated || reader->truncated();
    }
    if (ending_) {
        outcome.end = *ending_;
    } else if (is_exception(code)) {
        outcome.end = End::Crashed;
    }
    outcome.signal = is_exception(code) ? code : 0;
    outcome.exit_code = is_exception(code) ? 0 : static_cast<int>(code);
    return outcome;
}

Process::Process(std::unique_ptr<Running> running) : running_(std::move(running)) {}
Process::Process(Process &&) noexcept = default;
Process &Process::operator=(Process &&) noexcept = default;
Process::~Process() = default;

Result<Process> Process::start(Spec spec) {
    auto running = std::make_unique<Running>(std::move(spec));
    if (auto started = running->start(); !started) {
        return pass(started);
    }
    return Process(std::move(running));
}

std::uint64_t Process::id() const {
    return running_->id();
}

Result<Outcome> Process::wait() {
    return running_->wait();
}

std::string describe(const Outcome &outcome) {
    switch (outcome.end) {
    case End::Exited:
        return fmt::format("exited with code {}", outcome.exit_code);
    case End::Crashed: {
        const auto *known =
            std::find_if(std::begin(k_exceptions), std::end(k_exceptions),
                         [&](const auto &one) { return one.status == outcome.signal; });
        return fmt::format("was ended by exception 0x{:08X}{}", outcome.signal,
                           known != std::end(k_exceptions) ? fmt::format(" ({})", known->text)
                                                           : std::string());
    }
    case End::Deadline:
        return "was killed at its deadline";
    case End::Cancelled:
        return "was killed because the caller cancelled it";
    case End::OutputLimit:
        return "was killed because it wrote more than it may";
    }
    return {};
}

} // namespace k2s::core::process
