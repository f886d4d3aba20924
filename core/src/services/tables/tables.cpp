// SPDX-License-Identifier: MIT
#include "services/tables/tables.hpp"

#include "services/plugin_scope.hpp"
#include "services/tables/entry.hpp"

namespace k2s::core::tables {

namespace {

struct Entry {
    std::string_view id;
    const void *table;
};

constexpr Entry k_interfaces[] = {
    {K2S_CONFIG_ID, &config},     {K2S_EVENTS_ID, &events},       {K2S_EXECUTOR_ID, &executor},
    {K2S_METRICS_ID, &metrics},   {K2S_PROCESS_ID, &process},     {K2S_PROGRESS_ID, &progress},
    {K2S_REGISTRY_ID, &registry}, {K2S_STDIO_ID, &tables::stdio},
};

} // namespace

const void *find(const Ports &ports, std::string_view id) noexcept {
    if (const void *const table = ports.replaced ? ports.replaced(id) : nullptr) {
        return table;
    }
    if ((id == K2S_CONFIG_ID && (!ports.config || !ports.config_generation)) ||
        (id == K2S_PROCESS_ID && !ports.process)) {
        return nullptr;
    }
    for (const Entry &entry : k_interfaces) {
        if (entry.id == id) {
            return entry.table;
        }
    }
    return nullptr;
}

const void *K2S_CALL get(const k2s_host *host, k2s_str id) noexcept {
    constexpr uint64_t k_longest_id = 64;
    const PluginScope *const scope = PluginScope::of(host);
    return scope != nullptr && readable(id, k_longest_id) ? scope->find_interface(view(id))
                                                          : nullptr;
}

} // namespace k2s::core::tables
