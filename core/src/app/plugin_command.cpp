// SPDX-License-Identifier: MIT
#include <algorithm>
#include <deque>

#include <k2s/sdk/host.hpp>

#include "app/app.hpp"
#include "app/output.hpp"

namespace k2s::core {
namespace {

constexpr int64_t k_ns_per_ms = 1'000'000;
constexpr auto k_end_deadline = std::chrono::seconds(5);

/// The typed values of a command line in the ABI's form. Owns what the values point to.
class AbiValues {
  public:
    void add(const Value &value) {
        k2s_value result{};
        result.name = to_abi(value.name);
        result.origin = value.origin == Origin::fallback      ? K2S_FROM_DEFAULT
                        : value.origin == Origin::environment ? K2S_FROM_ENVIRONMENT
                                                              : K2S_FROM_COMMAND_LINE;
        if (value.list) {
            auto &items = lists_.emplace_back();
            for (const auto &item : value.items) {
                items.push_back(to_abi(item.text));
            }
            result.kind = K2S_VALUE_LIST;
            result.items = items.data();
            result.item_count = items.size();
        } else if (value.items.empty()) {
            return;
        } else {
            set(result, value.type, value.items.front());
        }
        values_.push_back(result);
    }

    const std::vector<k2s_value> &values() const { return values_; }

  private:
    static void set(k2s_value &result, ValueType type, const Item &item) {
        result.text = to_abi(item.text);
        if (const auto *flag = std::get_if<bool>(&item.value)) {
            result.kind = K2S_VALUE_BOOL;
            result.integer = *flag ? 1 : 0;
        } else if (const auto *integer = std::get_if<int64_t>(&item.value)) {
            result.kind = K2S_VALUE_INT;
            result.integer = type == ValueType::duration ? *integer / k_ns_per_ms : *integer;
        } else if (const auto *real = std::get_if<double>(&item.value)) {
            result.kind = K2S_VALUE_REAL;
            result.real = *real;
        } else {
            result.kind = K2S_VALUE_TEXT;
        }
    }

    std::deque<std::vector<k2s_str>> lists_;
    std::vector<k2s_value> values_;
};

} // namespace

Result<int> run_plugin_command(App &app) {
    const Command &command = *app.call().command;
    auto plugin = app.plugins().activate(*app.plugins().find_feature(command.feature),
                                         app.place_of(command.feature, *app.config()));
    if (!plugin) {
        return pass(plugin);
    }
    if (auto installed = app.services().cancellation.install(Cancellation::HangUp::stop);
        !installed) {
        return pass(installed);
    }

    AbiValues values;
    for (const auto *list : {&app.call().options, &app.call().arguments}) {
        std::ranges::for_each(*list, [&](const Value &value) { values.add(value); });
    }
    std::string data;
    const k2s_sink out{sizeof(out), 0, nullptr, [](void *, k2s_bytes bytes) -> int32_t {
                           return write_out(from_bytes(bytes)) ? K2S_OK : K2S_E_IO;
                       }};
    const k2s_sink err{sizeof(err), 0, nullptr, [](void *, k2s_bytes bytes) -> int32_t {
                           write_err(from_bytes(bytes));
                           return K2S_OK;
                       }};
    const k2s_sink json = Host::string_sink(data);
    const std::string path = fmt::format("{}", fmt::join(command.path, " "));

    k2s_invocation call{};
    call.struct_size = sizeof(call);
    call.dry_run = app.dry_run() ? 1 : 0;
    call.command = to_abi(path);
    call.values = values.values().data();
    call.value_count = values.values().size();
    call.value_stride = sizeof(k2s_value);
    call.out = &out;
    call.err = &err;
    call.data = &json;

    auto code = (*plugin)->run(call);
    if (code && command.output == Output::data && !data.empty()) {
        auto parsed = nlohmann::ordered_json::parse(data, nullptr, false);
        if (parsed.is_discarded()) {
            return fail(K2S_E_FAILED, "plugin '{}' gave a result that is no JSON",
                        (*plugin)->manifest().id);
        }
        if (auto printed = app.print(parsed); !printed) {
            return printed;
        }
    }
    for (const auto &blocker : app.plugins().deactivate_all(k_end_deadline)) {
        app.logger().write(k_level_warn, "host", blocker);
    }
    return code;
}

} // namespace k2s::core
