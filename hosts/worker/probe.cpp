// SPDX-License-Identifier: MIT
#include "probe.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include <k2s/abi/plugin.h>

#include "restrict.hpp"
#include "version.h"

namespace k2s::worker {

namespace {

using nlohmann::json;

constexpr int k_newest_known_major = 9;
constexpr std::uint64_t k_version_max = 128;

class Report {
  public:
    explicit Report(const ProbeJob &job) : job_(job) {}

    void line(const json &object) const {
        // A plugin's text need not be UTF-8.
        auto text = object.dump(-1, ' ', false, json::error_handler_t::replace);
        text.push_back('\n');
        if (!write_all(job_.report, text)) {
            leave(1); // nobody is listening any more
        }
    }
    void stage(const char *name) {
        stage_ = name;
        line({{"stage", name}});
    }
    [[noreturn]] void bad(int code, const std::string &message) const {
        line({{"ok", false},
              {"stage", stage_},
              {"code", code},
              {"message", fmt::format("plugin library '{}': {}", job_.library, message)}});
        leave(0);
    }

  private:
    const ProbeJob &job_;
    const char *stage_ = "";
};

std::string sha256(const ProbeJob &job, const Report &report) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
        report.bad(K2S_E_FAILED, "cannot be hashed: libcrypto has no SHA-256");
    }
    static std::array<unsigned char, 256 * 1024> buffer;
    std::uint64_t offset = 0;
    std::int64_t size = 0;
    while ((size = read_at(job.file, offset, buffer.data(), buffer.size())) > 0) {
        EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(size));
        offset += static_cast<std::uint64_t>(size);
    }
    if (size < 0) {
        report.bad(K2S_E_IO, "cannot be read to its end");
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context.get(), digest.data(), &length);
    std::string hex;
    for (unsigned n = 0; n < length; ++n) {
        hex += fmt::format("{:02x}", digest[n]);
    }
    return hex;
}

k2s_plugin_entry_v1_fn find_entry(void *module, const Report &report) {
    if (void *entry = find_symbol(module, K2S_PLUGIN_ENTRY)) {
        return reinterpret_cast<k2s_plugin_entry_v1_fn>(entry);
    }
    for (int major = K2S_ABI_MAJOR + 1; major <= k_newest_known_major; ++major) {
        if (find_symbol(module, fmt::format("k2s_plugin_entry_v{}", major).c_str()) != nullptr) {
            report.bad(K2S_E_UNSUPPORTED,
                       fmt::format("needs plugin ABI {}.x, this host has {}.{}; install the "
                                   "plugin's build for this host, or a newer host",
                                   major, K2S_ABI_MAJOR, K2S_ABI_MINOR));
        }
    }
    report.bad(K2S_E_CONFIG,
               fmt::format("is no K2s plugin: it does not export {}", K2S_PLUGIN_ENTRY));
}

const void *K2S_CALL no_interface(const k2s_host *, k2s_str) {
    return nullptr;
}

// An exception that leaves the entry would end the host, and so it ends this process. (It cannot be
// caught: the plugin and the worker each carry their own C++ runtime and unwinder.)
std::int32_t call_entry(k2s_plugin_entry_v1_fn entry, const k2s_host &host,
                        const k2s_plugin *&plugin, k2s_error &error) noexcept {
    return entry(&host, &plugin, &error);
}

template <std::size_t N> std::string bounded(const char (&text)[N]) {
    return {text, std::find(text, text + N, '\0')};
}

std::string text_of(k2s_str text, std::uint64_t most) {
    return text.ptr == nullptr
               ? std::string()
               : std::string(text.ptr, static_cast<std::size_t>(std::min(text.len, most)));
}

void check_descriptor(const k2s_plugin *plugin, const ProbeJob &job, const Report &report) {
    if (plugin == nullptr) {
        report.bad(K2S_E_FAILED, "its entry says success but gives no descriptor");
    }
    if (!K2S_HAS(plugin, get) || plugin->create == nullptr || plugin->destroy == nullptr ||
        plugin->get == nullptr) {
        report.bad(K2S_E_FAILED,
                   fmt::format("its descriptor is incomplete: struct_size {} and each of create, "
                               "destroy and get has to be set",
                               plugin->struct_size));
    }
    if (plugin->abi_minor > K2S_ABI_MINOR) {
        report.bad(K2S_E_UNSUPPORTED,
                   fmt::format("needs plugin ABI {}.{}, this host has {}.{}; install a newer host",
                               K2S_ABI_MAJOR, plugin->abi_minor, K2S_ABI_MAJOR, K2S_ABI_MINOR));
    }
    const auto id = text_of(plugin->id, k_version_max);
    if (id != job.plugin_id) {
        report.bad(
            K2S_E_CONFIG,
            fmt::format("says that it is plugin '{}', but the manifest beside it is for '{}'", id,
                        job.plugin_id));
    }
    if (plugin->version.len == 0 || plugin->version.len > k_version_max) {
        report.bad(K2S_E_CONFIG, "its descriptor has no usable version");
    }
}

} // namespace

void probe(const ProbeJob &job) {
    Report report(job);
    report.stage("hash");
    if (!job.hashed) {
        report.line({{"sha256", sha256(job, report)}});
    }

    report.stage("load");
    if (job.foreign) {
        // What a system lacks is told when the plugin's own worker starts.
        if (const auto limited = restrict_self(core::isolation::foreign_limits()); !limited) {
            report.bad(limited.error().code, limited.error().message);
        }
    }
    const auto loaded = load(job.library, job.file);
    if (loaded.module == nullptr) {
        report.bad(K2S_E_CONFIG, "cannot be loaded: " + loaded.error);
    }

    report.stage("symbol");
    const auto entry = find_entry(loaded.module, report);

    report.stage("entry");
    const k2s_host host{sizeof(k2s_host),
                        K2S_ABI_MINOR,
                        nullptr,
                        {k2s_version, std::string_view(k2s_version).size()},
                        no_interface};
    const k2s_plugin *plugin = nullptr;
    k2s_error error{};
    error.struct_size = sizeof error;
    const auto status = call_entry(entry, host, plugin, error);
    if (status < 0) {
        report.bad(status,
                   fmt::format("its entry failed: {} (status {})", bounded(error.message), status));
    }

    report.stage("descriptor");
    check_descriptor(plugin, job, report);
    report.line({{"ok", true},
                 {"id", text_of(plugin->id, k_version_max)},
                 {"version", text_of(plugin->version, k_version_max)}});
    leave(0);
}

} // namespace k2s::worker
