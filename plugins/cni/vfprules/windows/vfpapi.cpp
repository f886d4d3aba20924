// SPDX-License-Identifier: MIT
#include "vfprules/windows/vfpapi.hpp"

#include <array>
#include <cstring>
#include <memory>

#include <k2s/sdk/windows_path.hpp>

namespace k2s::vfprules {
namespace {

constexpr const wchar_t *k_driver = L"\\\\.\\VfpExtWin";
constexpr GUID k_driver_id{
    0x2C3888D9, 0x5580, 0x460E, {0xB8, 0x9F, 0x0F, 0x02, 0x09, 0xCD, 0x6C, 0x91}};

} // namespace

/// All that a call refers to: it may outlive the one who waits for it.
struct Vfpapi::Call {
    Vfpapi api;
    std::wstring port, name;
    bool v4 = true;
    uint16_t priority = 0;
    std::array<uint8_t, 32> range{}; // first and last address
    vfpapi::RuleData data{};
    DWORD result = ERROR_GEN_FAILURE;

    void add() {
        vfpapi::SwitchPort where{};
        where.driver = k_driver;
        where.driver_id = &k_driver_id;
        where.port = port.c_str();
        vfpapi::ObjectId id{};
        id.count = vfpapi::k_name_count;
        id.names[vfpapi::k_layer_place] = k_layer;
        id.names[vfpapi::k_group_place] = v4 ? k_group_v4 : k_group_v6;
        vfpapi::Rule rule{};
        result =
            api.initialize_(&rule.header, sizeof(rule), vfpapi::k_rule, name.c_str(), name.c_str());
        if (result != 0) {
            return;
        }
        rule.header.kind = vfpapi::k_rule;
        rule.header.type = vfpapi::k_transposition;
        rule.header.flags = vfpapi::k_opt_condition;
        rule.header.priority = priority;
        rule.conditions[0] = range.data();
        rule.condition_sizes[0] = v4 ? 8 : 32;
        rule.condition_kinds[0] =
            v4 ? vfpapi::k_destination_range_v4 : vfpapi::k_destination_range_v6;
        rule.data[0] = &data;
        rule.data_sizes[0] = sizeof(data);
        rule.field1 = 0;
        result = api.add_(&where, &id, &rule);
    }
};

std::optional<Vfpapi> Vfpapi::open(const std::string &folder) {
    HMODULE library =
        folder.empty()
            ? LoadLibraryExW(L"vfpapi.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32)
            : LoadLibraryExW(detail::system_path(folder + "\\vfpapi.dll").c_str(), nullptr,
                             LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (library == nullptr) {
        return std::nullopt;
    }
    Vfpapi api; // the library stays: a call that never returned may still be in it
    api.initialize_ = reinterpret_cast<InitializeFn>(
        reinterpret_cast<void *>(GetProcAddress(library, "VfcInitializeDescriptor")));
    api.add_ =
        reinterpret_cast<AddFn>(reinterpret_cast<void *>(GetProcAddress(library, "VfcAddObject")));
    if (api.initialize_ == nullptr || api.add_ == nullptr) {
        return std::nullopt;
    }
    // The library fills what it was given: that shows whether it means the same layout as we.
    const wchar_t *const name = L"probe";
    vfpapi::Rule rule{};
    if (api.initialize_(&rule.header, sizeof(rule), vfpapi::k_rule, name, name) != 0 ||
        rule.header.size != sizeof(rule) || rule.header.id != name || rule.header.name != name) {
        return std::nullopt;
    }
    return api;
}

DWORD WINAPI Vfpapi::run(void *context) {
    const std::unique_ptr<std::shared_ptr<Call>> held{
        static_cast<std::shared_ptr<Call> *>(context)};
    (*held)->add();
    return 0;
}

DWORD Vfpapi::add(const std::string &port, const Rule &rule, Deadline deadline) const {
    auto call = std::make_shared<Call>();
    call->api = *this;
    call->port = detail::widen(port);
    call->name = detail::widen(rule.route.name);
    call->priority = rule.route.priority;
    const Prefix &to = rule.route.destination;
    const Address last = to.address.filled(to.length);
    call->v4 = last.is_v4();
    std::memcpy(call->range.data(), to.address.data(), to.address.size());
    std::memcpy(call->range.data() + last.size(), last.data(), last.size());
    vfpapi::Transposition change{};
    change.action = vfpapi::k_modify;
    change.field2 = 1;
    change.fields = vfpapi::k_both_macs;
    std::memcpy(change.destination_mac, rule.gateway.mac.data(), rule.gateway.mac.size());
    call->data.count = 1;
    std::memcpy(&call->data.entries[0], &change, sizeof(change));

    // In a thread: the call waits for a driver and has no time limit of its own.
    auto held = std::make_unique<std::shared_ptr<Call>>(call);
    HANDLE thread = CreateThread(nullptr, 0, run, held.get(), 0, nullptr);
    if (thread == nullptr) {
        return GetLastError();
    }
    held.release();
    const DWORD waited = WaitForSingleObject(thread, static_cast<DWORD>(left(deadline).count()));
    CloseHandle(thread);
    return waited == WAIT_OBJECT_0 ? call->result : static_cast<DWORD>(ERROR_TIMEOUT);
}

} // namespace k2s::vfprules
