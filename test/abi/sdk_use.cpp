// SPDX-License-Identifier: MIT
// Instantiates the C++ side of the ABI as a plugin author would; only compiled (headers.py).
#include <string>

#include <k2s/sdk/atomic_file.hpp>
#include <k2s/sdk/plugin.hpp>
#include <k2s/sdk/process.hpp>
#include <k2s/sdk/program_folder.hpp>
#include <k2s/sdk/read_file.hpp>

namespace {

class Everything final : public k2s::Plugin,
                         public k2s::Commands,
                         public k2s::Services,
                         public k2s::Health,
                         public k2s::Reconfigure,
                         public k2s::Lifecycle,
                         public k2s::Diagnostics {
  public:
    using Plugin::Plugin;

    k2s::Status create() override {
        log().info("created", {{"host", host().version()}, {"count", 1}, {"real", 0.5}});
        return host().config("/everything").empty() ? K2S_E_CONFIG : K2S_OK;
    }
    k2s::Status run(const k2s::Invocation &call) override {
        std::string content;
        if (auto read = k2s::read_file(call.text("file"), 1024, content); !read.ok()) {
            return read;
        }
        if (auto written = k2s::write_file("copy", content); !written.ok()) {
            return written;
        }
        k2s::Ended ended;
        if (auto done = k2s::run_program(
                host(), {{k2s::program_folder() + host().environment("TOOL")}, {}, {}, 0}, ended);
            !done.ok()) {
            return done;
        }
        call.data("{}");
        return call.flag("fail") ? 1 : 0;
    }
    k2s::Status start(std::string_view, std::string_view, std::string_view,
                      k2s_handle &out) override {
        out = 1;
        return K2S_OK;
    }
    k2s::Status reload(k2s_handle, std::string_view) override { return K2S_E_UNSUPPORTED; }
    k2s::Status stop(k2s_handle, uint64_t) override { return K2S_OK; }
    k2s::Status status(k2s_handle, const k2s_sink &out) override {
        return out.write(out.context, k2s::to_bytes("{}"));
    }
    k2s::Status check() override { return host().cancelled() ? K2S_E_CANCELLED : K2S_OK; }
    k2s::Status changed() override { return K2S_OK; }
    k2s::Status step(uint32_t, uint64_t) override { return K2S_OK; }
    k2s::Status dump(const k2s_sink &) override { return K2S_OK; }
};

} // namespace

K2S_PLUGIN(Everything, "everything", "1.0.0")
