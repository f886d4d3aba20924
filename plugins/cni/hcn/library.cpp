// SPDX-License-Identifier: MIT
#include "hcn/library.hpp"

#include <k2s/sdk/windows_path.hpp>

namespace k2s::cni::hcn {
namespace {

constexpr const char *k_remedy = "the Windows feature Containers has to be switched on, and "
                                 "Windows has to be of version 1809 or "
                                 "later";

HMODULE load_library(const std::string &folder, const wchar_t *name) {
    return folder.empty()
               ? LoadLibraryExW(name, nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32)
               : LoadLibraryExW((detail::widen(folder) + L"\\" + name).c_str(), nullptr,
                                LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
}

/// Finds functions; remembers the first that is missing.
class Finder {
  public:
    explicit Finder(HMODULE library) : library_(library) {}

    template <class Function> void operator()(Function &target, const std::string &name) {
        target = reinterpret_cast<Function>(
            reinterpret_cast<void *>(GetProcAddress(library_, name.c_str())));
        if (target == nullptr && missing_.empty()) {
            missing_ = name;
        }
    }
    const std::string &missing() const { return missing_; }

  private:
    HMODULE library_;
    std::string missing_;
};

} // namespace

Result<Library> Library::load(const std::string &folder) {
    const HMODULE service = load_library(folder, L"computenetwork.dll");
    if (service == nullptr) {
        return fail(k_internal, "cannot load computenetwork.dll: Windows error {}; {}",
                    GetLastError(), k_remedy);
    }
    Library library;
    Finder find(service);
    for (const auto &[kind, name] : {std::pair{&library.network, "Network"},
                                     {&library.endpoint, "Endpoint"},
                                     {&library.name_space, "Namespace"}}) {
        const std::string one = name;
        kind->name = name;
        find(kind->enumerate, "HcnEnumerate" + one + "s");
        find(kind->open, "HcnOpen" + one);
        find(kind->query, "HcnQuery" + one + "Properties");
        find(kind->modify, "HcnModify" + one);
        find(kind->remove, "HcnDelete" + one);
        find(kind->close, "HcnClose" + one);
    }
    find(library.create_network, "HcnCreateNetwork");
    find(library.create_endpoint, "HcnCreateEndpoint");
    if (!find.missing().empty()) {
        return fail(k_internal, "computenetwork.dll has no {}; {}", find.missing(), k_remedy);
    }
    if (const HMODULE old = load_library(folder, L"vmcompute.dll")) {
        Finder find_old(old);
        find_old(library.hns_call, "HNSCall");
    }
    return library;
}

} // namespace k2s::cni::hcn
