// SPDX-License-Identifier: MIT
#include "process/windows/launch.hpp"

#include <algorithm>
#include <string_view>

#include "process/command.hpp"
#include "util/path.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core::process {

namespace {

constexpr std::size_t k_command_line_max = 32766; // CreateProcessW, without the final NUL

int compare_names(std::wstring_view a, std::wstring_view b) {
    return ::CompareStringOrdinal(a.data(), static_cast<int>(a.size()), b.data(),
                                  static_cast<int>(b.size()), TRUE);
}

bool same_name(std::wstring_view a, std::wstring_view b) {
    return compare_names(a, b) == CSTR_EQUAL;
}

// "=C:=C:\dir" keeps a drive's directory: the name starts with '='.
std::wstring_view name_of(std::wstring_view entry) {
    return entry.substr(0, entry.find(L'=', 1));
}

std::vector<std::wstring> environment_of(const Spec &spec) {
    std::vector<std::wstring> entries;
    if (!spec.clear_environment) {
        wchar_t *block = ::GetEnvironmentStringsW();
        for (const wchar_t *at = block; at != nullptr && *at != L'\0';
             at += entries.back().size() + 1) {
            entries.emplace_back(at);
        }
        ::FreeEnvironmentStringsW(block);
    }
    const auto remove = [&](const std::wstring &name) {
        std::erase_if(entries, [&](const auto &entry) { return same_name(name_of(entry), name); });
    };
    for (const auto &name : spec.unset_environment) {
        remove(to_wide(name));
    }
    for (const auto &[name, value] : spec.set_environment) {
        remove(to_wide(name));
        entries.push_back(to_wide(name + '=' + value));
    }
    std::sort(entries.begin(), entries.end(), [](const auto &a, const auto &b) {
        return compare_names(name_of(a), name_of(b)) == CSTR_LESS_THAN;
    });
    return entries;
}

std::wstring full_path(const std::wstring &path) {
    std::wstring full(::GetFullPathNameW(path.c_str(), 0, nullptr, nullptr), L'\0');
    full.resize(
        ::GetFullPathNameW(path.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
    return full;
}

bool ends_with_name(std::wstring_view path, std::wstring_view extension) {
    return path.size() >= extension.size() &&
           same_name(path.substr(path.size() - extension.size()), extension);
}

Result<std::wstring> find_program(const Spec &spec, const std::vector<std::wstring> &environment) {
    std::wstring name = spec.program.native();
    const auto leaf = name.find_last_of(L"\\/:");
    if (name.find(L'.', leaf == std::wstring::npos ? 0 : leaf + 1) == std::wstring::npos) {
        name += L".exe";
    }
    if (ends_with_name(name, L".bat") || ends_with_name(name, L".cmd")) {
        // cmd.exe parses a batch file's arguments once more, with rules that no quoting survives.
        return fail(K2S_E_UNSUPPORTED,
                    "cannot start '{}': batch files run in a shell, which can take an argument for "
                    "a command; start a program instead",
                    path_text(spec.program));
    }
    if (leaf != std::wstring::npos) {
        return full_path(name);
    }
    std::wstring_view path;
    for (const auto &entry : environment) {
        if (same_name(name_of(entry), L"PATH")) {
            path = std::wstring_view(entry).substr(5);
        }
    }
    while (!path.empty()) {
        const auto end = std::min(path.find(L';'), path.size());
        const std::wstring directory(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
        // Only absolute entries: "." and "" mean the current directory.
        if (directory.size() < 3 || (directory[1] != L':' && directory[0] != L'\\')) {
            continue;
        }
        auto candidate = directory + L'\\' + name;
        const DWORD attributes = ::GetFileAttributesW(candidate.c_str());
        if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
            return candidate;
        }
    }
    return fail(K2S_E_NOT_FOUND, "cannot start '{}': no such program in PATH",
                path_text(spec.program));
}

std::unexpected<Error> start_error(const std::string &program, DWORD reason) {
    constexpr DWORD k_elevation_required = 740; // winerror.h of this toolchain lacks the name
    switch (reason) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
        return fail(K2S_E_NOT_FOUND, "cannot start '{}': no such program", program);
    case ERROR_ACCESS_DENIED:
    case k_elevation_required:
        return fail(K2S_E_PERMISSION, "cannot start '{}': {}", program, windows_error(reason));
    case ERROR_BAD_EXE_FORMAT:
    case ERROR_EXE_MACHINE_TYPE_MISMATCH:
        return fail(K2S_E_UNSUPPORTED, "cannot start '{}': it is not a program of this platform",
                    program);
    default:
        return fail(K2S_E_FAILED, "cannot start '{}': {}", program, windows_error(reason));
    }
}

Result<Handle> make_job(const Spec::Job &allowed) {
    Handle job(::CreateJobObjectW(nullptr, nullptr));
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    // The job dies with its last handle, which is this process's, however it ends. And a crash is
    // reported by the exit code instead of a dialog.
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    if (allowed.memory != 0) {
        limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
        limits.JobMemoryLimit = static_cast<SIZE_T>(allowed.memory);
    }
    if (allowed.processes != 0) {
        limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
        limits.BasicLimitInformation.ActiveProcessLimit = allowed.processes;
    }
    if (!job.valid() || ::SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation,
                                                  &limits, sizeof limits) == FALSE) {
        return fail(K2S_E_FAILED, "cannot make a job object for a child process: {}",
                    windows_error(::GetLastError()));
    }
    return job;
}

// The attribute list that limits what the child inherits.
class HandleList {
  public:
    explicit HandleList(std::vector<HANDLE> &handles) {
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
        memory_.resize(size);
        list_ = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
        valid_ =
            ::InitializeProcThreadAttributeList(list_, 1, 0, &size) != FALSE &&
            ::UpdateProcThreadAttribute(list_, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.data(),
                                        handles.size() * sizeof(HANDLE), nullptr, nullptr) != FALSE;
    }
    HandleList(const HandleList &) = delete;
    HandleList &operator=(const HandleList &) = delete;
    ~HandleList() { ::DeleteProcThreadAttributeList(list_); }

    [[nodiscard]] bool valid() const { return valid_; }
    [[nodiscard]] LPPROC_THREAD_ATTRIBUTE_LIST get() const { return list_; }

  private:
    std::vector<char> memory_;
    LPPROC_THREAD_ATTRIBUTE_LIST list_ = nullptr;
    bool valid_ = false;
};

// This process's own token with less in it; no privilege is needed to start a child with that.
Result<Handle> make_token(const Spec::Job &allowed) {
    HANDLE own = nullptr;
    HANDLE made = nullptr;
    ::OpenProcessToken(::GetCurrentProcess(),
                       TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY | TOKEN_QUERY | TOKEN_ADJUST_DEFAULT,
                       &own);
    const Handle owned(own);
    bool done = ::CreateRestrictedToken(own, allowed.restricted ? DISABLE_MAX_PRIVILEGE : 0, 0,
                                        nullptr, 0, nullptr, 0, nullptr, &made) != FALSE;
    Handle token(made);
    if (done && allowed.low_integrity) {
        SID_IDENTIFIER_AUTHORITY mandatory = SECURITY_MANDATORY_LABEL_AUTHORITY;
        PSID low = nullptr;
        done = ::AllocateAndInitializeSid(&mandatory, 1, SECURITY_MANDATORY_LOW_RID, 0, 0, 0, 0, 0,
                                          0, 0, &low) != FALSE;
        TOKEN_MANDATORY_LABEL label{{low, SE_GROUP_INTEGRITY}};
        done = done && ::SetTokenInformation(token.get(), TokenIntegrityLevel, &label,
                                             sizeof label + ::GetLengthSid(low)) != FALSE;
        const DWORD reason = ::GetLastError();
        ::FreeSid(low);
        ::SetLastError(reason);
    }
    if (!done) {
        return fail(K2S_E_FAILED, "cannot make a token with fewer rights for a child process: {}",
                    windows_error(::GetLastError()));
    }
    return token;
}

} // namespace

Result<Launched> launch(const Spec &spec, const StandardHandles &standard,
                        std::vector<HANDLE> inherited) {
    const auto environment = environment_of(spec);
    auto program = find_program(spec, environment);
    if (!program) {
        return pass(program);
    }
    const auto shown = from_wide(*program);
    auto line = to_wide(windows_command_line(path_to_utf8(spec.program), spec.arguments));
    if (line.size() > k_command_line_max) {
        return fail(K2S_E_NO_MEMORY,
                    "cannot start '{}': its arguments have {} characters, Windows allows {}", shown,
                    line.size(), k_command_line_max);
    }
    std::wstring block;
    for (const auto &entry : environment) {
        block.append(entry).push_back(L'\0');
    }
    block.push_back(L'\0');
    const DWORD directory = spec.directory.empty() ? FILE_ATTRIBUTE_DIRECTORY
                                                   : ::GetFileAttributesW(spec.directory.c_str());
    if (directory == INVALID_FILE_ATTRIBUTES || (directory & FILE_ATTRIBUTE_DIRECTORY) == 0) {
        return fail(K2S_E_NOT_FOUND, "cannot start '{}' in directory '{}': no such directory",
                    shown, path_text(spec.directory));
    }

    auto job = make_job(spec.job);
    if (!job) {
        return pass(job);
    }
    std::sort(inherited.begin(), inherited.end()); // the list must not name a handle twice
    inherited.erase(std::unique(inherited.begin(), inherited.end()), inherited.end());
    const HandleList list(inherited);
    if (!list.valid()) {
        return start_error(shown, ::GetLastError());
    }
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = standard.in;
    startup.StartupInfo.hStdOutput = standard.out;
    startup.StartupInfo.hStdError = standard.err;
    startup.lpAttributeList = list.get();
    const bool shares_console = spec.inherit_input || spec.out.to == Output::To::Inherit ||
                                spec.err.to == Output::To::Inherit;
    // A group of its own: the terminal's Ctrl-C is for the host, which decides what ends.
    const DWORD flags = CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | CREATE_NEW_PROCESS_GROUP |
                        EXTENDED_STARTUPINFO_PRESENT | (shares_console ? 0 : CREATE_NO_WINDOW);
    PROCESS_INFORMATION started{};
    const auto file = long_path(fs::path(*program));
    const auto *folder = spec.directory.empty() ? nullptr : spec.directory.c_str();
    Handle token;
    if (spec.job.restricted || spec.job.low_integrity) {
        auto made = make_token(spec.job);
        if (!made) {
            return pass(made);
        }
        token = std::move(*made);
    }
    const BOOL created =
        token.valid()
            ? ::CreateProcessAsUserW(token.get(), file.c_str(), line.data(), nullptr, nullptr, TRUE,
                                     flags, block.data(), folder, &startup.StartupInfo, &started)
            : ::CreateProcessW(file.c_str(), line.data(), nullptr, nullptr, TRUE, flags,
                               block.data(), folder, &startup.StartupInfo, &started);
    if (created == FALSE) {
        return start_error(shown, ::GetLastError());
    }
    Launched result{std::move(*job), Handle(started.hProcess), started.dwProcessId};
    const Handle thread(started.hThread);
    if (::AssignProcessToJobObject(result.job.get(), started.hProcess) == FALSE ||
        ::ResumeThread(thread.get()) == static_cast<DWORD>(-1)) {
        const DWORD reason = ::GetLastError();
        ::TerminateProcess(started.hProcess, 1);
        return start_error(shown, reason);
    }
    return result;
}

} // namespace k2s::core::process
