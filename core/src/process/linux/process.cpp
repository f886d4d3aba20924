// SPDX-License-Identifier: MIT
#include "process/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/command.hpp"
#include "process/linux/descriptor.hpp"
#include "process/linux/supervisor.hpp"
#include "util/path.hpp"

extern char **environ;

namespace k2s::core::process {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t k_max_passed = 16;
// The supervisor gives up on a tree that resists SIGKILL after 5 s; this is for itself.
constexpr std::chrono::seconds k_end_patience{8};
constexpr int k_last_pieces = 64; // of 64 KiB: more than a pipe holds

std::vector<std::string> environment_of(const Spec &spec) {
    const auto replaced = [&](std::string_view entry) {
        const auto name = entry.substr(0, entry.find('='));
        return std::any_of(spec.set_environment.begin(), spec.set_environment.end(),
                           [&](const auto &set) { return set.first == name; }) ||
               std::find(spec.unset_environment.begin(), spec.unset_environment.end(), name) !=
                   spec.unset_environment.end();
    };
    std::vector<std::string> entries;
    for (char **entry = environ; !spec.clear_environment && *entry != nullptr; ++entry) {
        if (!replaced(*entry)) {
            entries.emplace_back(*entry);
        }
    }
    for (const auto &[name, value] : spec.set_environment) {
        entries.push_back(name + '=' + value);
    }
    return entries;
}

Result<std::string> find_program(const Spec &spec, const std::vector<std::string> &environment) {
    const std::string &name = spec.program.native();
    if (name.find('/') != std::string::npos) {
        if (name.front() == '/' || spec.directory.empty()) {
            return name;
        }
        // Relative to where this process is, also when the child starts elsewhere (as on Windows).
        std::array<char, 4096> here{};
        if (::getcwd(here.data(), here.size()) == nullptr) {
            return fail(K2S_E_FAILED, "cannot start '{}': the current directory is gone", name);
        }
        return std::string(here.data()) + '/' + name;
    }
    std::string_view path = "/usr/local/bin:/usr/bin:/bin";
    for (const auto &entry : environment) {
        if (entry.starts_with("PATH=")) {
            path = std::string_view(entry).substr(5);
        }
    }
    const auto searched = path;
    bool not_executable = false;
    while (!path.empty()) {
        const auto end = std::min(path.find(':'), path.size());
        const auto directory = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (directory.empty() || directory.front() != '/') {
            continue; // the current directory is not a place to find programs in
        }
        auto candidate = std::string(directory) + '/' + name;
        struct stat info{};
        if (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
            if (::access(candidate.c_str(), X_OK) == 0) {
                return candidate;
            }
            not_executable = true;
        }
    }
    if (not_executable) {
        return fail(K2S_E_PERMISSION, "cannot start '{}': it is not executable for this user",
                    name);
    }
    return fail(K2S_E_NOT_FOUND, "cannot start '{}': no such program in PATH ({})", name, searched);
}

std::unexpected<Error> start_error(const Message &message, const std::string &program,
                                   const Spec &spec) {
    if (message.kind == Message::DirectoryFailed) {
        return fail(message.value == EACCES ? K2S_E_PERMISSION : K2S_E_NOT_FOUND,
                    "cannot start '{}' in directory '{}': {}", program, spec.directory.native(),
                    std::strerror(message.value));
    }
    switch (message.value) {
    case ENOENT:
    case ENOTDIR:
        if (::access(program.c_str(), F_OK) == 0) {
            return fail(K2S_E_NOT_FOUND,
                        "cannot start '{}': the interpreter that it names in its first line or "
                        "ELF header does not exist",
                        program);
        }
        return fail(K2S_E_NOT_FOUND, "cannot start '{}': no such program", program);
    case EACCES:
    case EPERM:
        return fail(K2S_E_PERMISSION,
                    "cannot start '{}': it is not an executable file for this user (chmod +x, or "
                    "a file system mounted noexec?)",
                    program);
    case ENOEXEC:
        return fail(K2S_E_UNSUPPORTED,
                    "cannot start '{}': it is not a program of this platform, nor a script with a "
                    "first line '#!'",
                    program);
    case E2BIG:
        return fail(K2S_E_NO_MEMORY,
                    "cannot start '{}': its arguments and environment are too "
                    "large for the system",
                    program);
    default:
        return fail(K2S_E_FAILED, "cannot start '{}': {}", program, std::strerror(message.value));
    }
}

// The input is known in full, so it is a file in memory: no writer that could block or get SIGPIPE,
// and /dev/stdin works for the child.
Result<Descriptor> input_descriptor(const Spec &spec) {
    if (spec.input.empty()) {
        return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    Descriptor file(::memfd_create("k2s-input", MFD_CLOEXEC));
    std::string_view rest = spec.input;
    while (file.valid() && !rest.empty()) {
        const auto written = ::write(file.get(), rest.data(), rest.size());
        if (written <= 0) {
            return fail(K2S_E_NO_MEMORY, "cannot keep {} bytes of input for '{}': {}",
                        spec.input.size(), path_text(spec.program), std::strerror(errno));
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (file.valid()) {
        ::lseek(file.get(), 0, SEEK_SET);
    }
    return file;
}

} // namespace

class Process::Running {
  public:
    explicit Running(Spec spec) : spec_(std::move(spec)) {}
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    ~Running() {
        on_cancel_.reset();
        channel_.reset(); // the supervisor sees its end and kills the tree
        if (supervisor_ > 0) {
            while (::waitpid(supervisor_, nullptr, 0) < 0 && errno == EINTR) {
            }
        }
    }

    Result<void> start();
    Result<Outcome> wait();
    [[nodiscard]] pid_t id() const { return program_; }

  private:
    struct Stream {
        Descriptor from;
        Meter meter;
    };

    Result<int> add_output(const Output &output, int standard, std::vector<Descriptor> &child_side);
    Result<Message> receive();
    void end_tree(End why);
    bool read_some(Stream &stream);

    Spec spec_;
    std::vector<Stream> streams_;
    Descriptor channel_;
    Descriptor cancelled_;
    std::optional<std::stop_callback<std::function<void()>>> on_cancel_;
    pid_t supervisor_ = -1;
    pid_t program_ = -1;
    Clock::time_point until_ = Clock::time_point::max();
    std::optional<End> ending_; // why the tree was told to end
};

// The descriptor that the child gets; the host's side becomes one of streams_.
Result<int> Process::Running::add_output(const Output &output, int standard,
                                         std::vector<Descriptor> &child_side) {
    if (output.to == Output::To::Inherit) {
        return standard;
    }
    if (output.to == Output::To::Discard) {
        child_side.emplace_back(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    } else {
        int ends[2] = {-1, -1};
        if (::pipe2(ends, O_CLOEXEC) == 0) {
            streams_.push_back({Descriptor(ends[0]), Meter(output)});
            ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        }
        child_side.emplace_back(ends[1]);
    }
    if (!child_side.back().valid()) {
        return fail(K2S_E_FAILED, "cannot start '{}': no descriptor for its streams: {}",
                    path_text(spec_.program), std::strerror(errno));
    }
    return child_side.back().get();
}

Result<void> Process::Running::start() {
    if (auto checked = check(spec_); !checked) {
        return checked;
    }
    if (spec_.passed.size() > k_max_passed) {
        return fail(K2S_E_NO_MEMORY, "cannot start '{}': at most {} handles can be passed",
                    path_text(spec_.program), k_max_passed);
    }
    auto environment = environment_of(spec_);
    auto program = find_program(spec_, environment);
    if (!program) {
        return pass(program);
    }

    streams_.reserve(3);
    std::vector<Descriptor> child_side;
    std::vector<int> handles;
    auto input = input_descriptor(spec_);
    if (!input) {
        return pass(input);
    }
    handles.push_back(spec_.inherit_input ? STDIN_FILENO : input->get());
    const auto add = [&](const Output &output, int standard) -> Result<void> {
        auto handle = add_output(output, standard, child_side);
        if (!handle) {
            return pass(handle);
        }
        handles.push_back(*handle);
        return {};
    };
    if (auto out = add(spec_.out, STDOUT_FILENO); !out) {
        return out;
    }
    if (auto err = add(spec_.err, STDERR_FILENO); !err) {
        return err;
    }
    if (spec_.report_argument) {
        spec_.arguments[*spec_.report_argument] = std::to_string(handles.size());
        if (auto report = add(spec_.report, -1); !report) {
            return report;
        }
    }
    for (const auto &passed : spec_.passed) {
        spec_.arguments[passed.argument] = std::to_string(handles.size());
        handles.push_back(passed.handle);
    }

    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return fail(K2S_E_FAILED, "cannot start '{}': no descriptor to watch it: {}", *program,
                    std::strerror(errno));
    }
    channel_ = Descriptor(ends[0]);
    const Descriptor supervisor_side(ends[1]);

    std::vector<char *> argv{const_cast<char *>(spec_.program.c_str())};
    for (auto &argument : spec_.arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    std::vector<char *> envp;
    for (auto &entry : environment) {
        envp.push_back(entry.data());
    }
    envp.push_back(nullptr);

    supervisor_ =
        fork_supervisor({program->c_str(), argv.data(), envp.data(),
                         spec_.directory.empty() ? nullptr : spec_.directory.c_str(),
                         handles.data(), static_cast<int>(handles.size()), supervisor_side.get()});
    if (supervisor_ < 0) {
        return fail(K2S_E_FAILED, "cannot start '{}': {}", *program, std::strerror(errno));
    }
    const_cast<Descriptor &>(supervisor_side).reset();
    auto message = receive();
    if (!message) {
        return pass(message);
    }
    if (message->kind != Message::Started) {
        return start_error(*message, *program, spec_);
    }
    program_ = message->value;
    if (spec_.deadline.count() > 0) {
        until_ = Clock::now() + spec_.deadline;
    }
    return {};
}

Result<Message> Process::Running::receive() {
    Message message{};
    ssize_t size = 0;
    do {
        size = ::recv(channel_.get(), &message, sizeof message, 0);
    } while (size < 0 && errno == EINTR);
    if (size != sizeof message) {
        return fail(K2S_E_FAILED, "'{}': its supervisor process was killed by someone else",
                    path_text(spec_.program));
    }
    return message;
}

void Process::Running::end_tree(End why) {
    if (!ending_) {
        ending_ = why;
        until_ = Clock::now() + k_end_patience;
        ::shutdown(channel_.get(), SHUT_WR);
    }
}

// One piece; false when there is nothing at the moment or at the end of the stream.
bool Process::Running::read_some(Stream &stream) {
    std::array<char, 65536> buffer;
    const auto size = ::read(stream.from.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return errno == EINTR;
    }
    if (size <= 0) {
        stream.from.reset();
        return false;
    }
    if (!stream.meter.take({buffer.data(), static_cast<std::size_t>(size)})) {
        end_tree(End::OutputLimit);
    }
    return true;
}

Result<Outcome> Process::Running::wait() {
    if (spec_.cancel.stop_possible()) {
        cancelled_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        on_cancel_.emplace(spec_.cancel, [fd = cancelled_.get()] { ::eventfd_write(fd, 1); });
    }
    std::optional<int> status;
    while (!status) {
        std::array<pollfd, 5> wait{};
        nfds_t count = 0;
        wait[count++] = {channel_.get(), POLLIN, 0};
        wait[count++] = {ending_ ? -1 : cancelled_.get(), POLLIN, 0};
        for (const auto &stream : streams_) {
            wait[count++] = {stream.from.get(), POLLIN, 0}; // -1 is skipped by poll
        }
        int timeout = -1;
        if (until_ != Clock::time_point::max()) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now()).count();
            timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
        }
        const int ready = ::poll(wait.data(), count, timeout);
        if (ready < 0 && errno != EINTR) {
            return fail(K2S_E_FAILED, "'{}': cannot wait for it: {}", path_text(spec_.program),
                        std::strerror(errno));
        }
        if (ready == 0 && Clock::now() >= until_) {
            if (ending_) {
                return fail(K2S_E_BUSY, "'{}' (pid {}) could not be ended",
                            path_text(spec_.program), program_);
            }
            end_tree(End::Deadline);
        }
        for (std::size_t n = 0; n < streams_.size(); ++n) {
            if (wait[n + 2].revents != 0) {
                read_some(streams_[n]);
            }
        }
        if (wait[1].revents != 0) {
            end_tree(End::Cancelled);
        }
        if (wait[0].revents != 0) {
            auto message = receive();
            if (!message) {
                return pass(message);
            }
            status = message->value;
        }
    }

    Outcome outcome;
    for (auto &stream : streams_) {
        // Bounded, because a process that could not be killed may go on writing.
        for (int piece = 0; piece < k_last_pieces && read_some(stream); ++piece) {
        }
        outcome.truncated = outcome.truncated || stream.meter.truncated();
    }
    if (ending_) {
        outcome.end = *ending_;
    } else if (WIFSIGNALED(*status)) {
        outcome.end = End::Crashed;
    }
    outcome.exit_code = WIFEXITED(*status) ? WEXITSTATUS(*status) : 0;
    outcome.signal = WIFSIGNALED(*status) ? static_cast<std::uint32_t>(WTERMSIG(*status)) : 0;
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
    return static_cast<std::uint64_t>(running_->id());
}

Result<Outcome> Process::wait() {
    return running_->wait();
}

std::string describe(const Outcome &outcome) {
    switch (outcome.end) {
    case End::Exited:
        return fmt::format("exited with code {}", outcome.exit_code);
    case End::Crashed: {
        const char *name = ::sigdescr_np(static_cast<int>(outcome.signal));
        return fmt::format("was ended by signal {} ({})", outcome.signal,
                           name != nullptr ? name : "real-time signal");
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
