// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <windows.h>

#include "vfprules/backend.hpp"

namespace k2s::vfprules {

constexpr const wchar_t *k_layer = L"VNET_PA_ROUTE_LAYER";
constexpr const wchar_t *k_group_v4 = L"VNET_GROUP_PA_ROUTE_IPV4_OUT";
constexpr const wchar_t *k_group_v6 = L"VNET_GROUP_PA_ROUTE_IPV6_OUT";

/// The structures of vfpapi.dll, which Microsoft does not document. What is called `unused` is
/// zero. Offsets and values are those that the original tool has been using on x64; for IPv6 the
/// kind of condition is the one that vfpctrl shows, and the group is named alike.
namespace vfpapi {

struct SwitchPort { // which port
    const wchar_t *driver;
    const GUID *driver_id;
    void *unused1;
    const wchar_t *switch_name;
    const wchar_t *port;
    void *unused2;
};
static_assert(sizeof(SwitchPort) == 48 && offsetof(SwitchPort, port) == 32);

union ObjectId { // where in the port: the number of names, and names by their place
    uint32_t count;
    const wchar_t *names[35];
};
static_assert(sizeof(ObjectId) == 280);
constexpr uint32_t k_name_count = 35;
constexpr std::size_t k_layer_place = 3, k_group_place = 4;

struct Header {
    uint16_t size;
    uint8_t kind, type;
    uint16_t flags, unused1, unused2, unused3, priority, unused4;
    uint64_t unused5;
    const wchar_t *id, *name;
    void *unused6;
};
static_assert(sizeof(Header) == 48 && offsetof(Header, priority) == 12 &&
              offsetof(Header, id) == 24 && offsetof(Header, name) == 32);
constexpr uint8_t k_rule = 5, k_transposition = 20;
constexpr uint16_t k_opt_condition = 128; // as in vfpctrl's text

struct Rule {
    Header header;
    const void *conditions[5];
    uint16_t condition_sizes[5];
    uint8_t condition_kinds[5];
    const void *data[2];
    uint16_t data_sizes[2];
    uint16_t field1;
    int8_t unused1, unused2;
    uint64_t unused3;
    void *unused4;
    uint16_t unused5;
};
static_assert(sizeof(Rule) == 152 && offsetof(Rule, condition_sizes) == 88 &&
              offsetof(Rule, condition_kinds) == 98 && offsetof(Rule, data) == 104 &&
              offsetof(Rule, data_sizes) == 120 && offsetof(Rule, field1) == 124);
constexpr uint8_t k_destination_range_v4 = 11, k_destination_range_v6 = 13;

struct Transposition {
    uint8_t unused1, unused2;
    uint16_t unused3;
    uint32_t unused4;
    int32_t action;
    uint32_t field2;
    uint64_t fields;
    uint8_t destination_mac[6], source_mac[6];
    uint16_t unused5, unused6, unused7;
    uint8_t unused8;
    uint8_t addresses[33];
    uint8_t unused9[3];
    uint16_t unused10, unused11;
};
static_assert(sizeof(Transposition) == 88 && offsetof(Transposition, action) == 8 &&
              offsetof(Transposition, fields) == 16 &&
              offsetof(Transposition, destination_mac) == 24 &&
              offsetof(Transposition, source_mac) == 30);
constexpr int32_t k_modify = 1;
constexpr uint64_t k_both_macs = 1 | 2;

#pragma pack(push, 1)
struct RuleData {
    uint16_t count;
    uint8_t unused1[834];
    Transposition entries[4];
};
#pragma pack(pop)
static_assert(sizeof(RuleData) == 1188 && offsetof(RuleData, entries) == 836);

} // namespace vfpapi

/// vfpapi.dll of a folder (empty: System32).
class Vfpapi {
  public:
    /// nullopt: there is none, it lacks a function, or it lays structures out in another way, which
    /// one call that changes nothing tells.
    static std::optional<Vfpapi> open(const std::string &folder);

    /// 0 or an error of Windows; ERROR_TIMEOUT: the call has not come back, and goes on in a
    /// thread.
    DWORD add(const std::string &port, const Rule &rule, Deadline deadline) const;

  private:
    using InitializeFn = DWORD(WINAPI *)(vfpapi::Header *, uint16_t, uint8_t, const wchar_t *,
                                         const wchar_t *);
    using AddFn = DWORD(WINAPI *)(const vfpapi::SwitchPort *, const vfpapi::ObjectId *, void *);
    struct Call;
    static DWORD WINAPI run(void *context);

    InitializeFn initialize_ = nullptr;
    AddFn add_ = nullptr;
};

} // namespace k2s::vfprules
