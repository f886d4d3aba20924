// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <windows.h>

#include "spec/failure.hpp"

namespace k2s::cni::hcn {

/// A kind of object of the Host Compute Network service. Its functions differ in the name alone.
struct Kind {
    const char *name; // "Network"
    HRESULT(WINAPI *enumerate)(PCWSTR query, PWSTR *ids, PWSTR *error);
    HRESULT(WINAPI *open)(const GUID &id, void **object, PWSTR *error);
    HRESULT(WINAPI *query)(void *object, PCWSTR query, PWSTR *properties, PWSTR *error);
    HRESULT(WINAPI *modify)(void *object, PCWSTR settings, PWSTR *error);
    HRESULT(WINAPI *remove)(const GUID &id, PWSTR *error);
    HRESULT(WINAPI *close)(void *object);
};

/// What bridge uses of computenetwork.dll and vmcompute.dll, found at run time: a Windows without
/// containers has neither. The libraries stay loaded, for a call that never returned may still be
/// in one. Source: computenetwork.h of the Windows SDK.
struct Library {
    Kind network{}, endpoint{}, name_space{};
    HRESULT(WINAPI *create_network)
    (const GUID &id, PCWSTR settings, void **network, PWSTR *error) = nullptr;
    HRESULT(WINAPI *create_endpoint)
    (void *network, const GUID &id, PCWSTR settings, void **endpoint, PWSTR *error) = nullptr;
    /// Of vmcompute.dll; may be missing.
    HRESULT(WINAPI *hns_call)
    (PCWSTR method, PCWSTR path, PCWSTR request, PWSTR *response) = nullptr;

    /// `folder` holds the libraries; empty: Windows' own, and no other.
    static Result<Library> load(const std::string &folder);
};

} // namespace k2s::cni::hcn
