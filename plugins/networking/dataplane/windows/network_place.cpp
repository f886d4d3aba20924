// SPDX-License-Identifier: MIT
#include "../network_place.hpp"

#include "compartment.hpp"

namespace k2s::dataplane {

// Not in every header and import library, nor in wine.
SetCompartment &set_compartment() {
    static auto function = [] {
        const HMODULE library =
            ::LoadLibraryExW(L"iphlpapi.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
        return library == nullptr
                   ? nullptr
                   : reinterpret_cast<SetCompartment>(reinterpret_cast<void *>(
                         ::GetProcAddress(library, "SetCurrentThreadCompartmentId")));
    }();
    return function;
}

// A number is never given to another compartment while sockets are in it.
std::expected<PlaceIdentity, Error> identify(const NetworkPlace &place) {
    return PlaceIdentity{0, place.number()};
}

std::expected<PlaceIdentity, Error> enter(const NetworkPlace &place) {
    if (place.here()) {
        return PlaceIdentity();
    }
    const SetCompartment set = set_compartment();
    if (set == nullptr) {
        return std::unexpected(
            Error{K2S_E_UNSUPPORTED, place.text() + ": this system has no network compartments "
                                                    "(SetCurrentThreadCompartmentId is missing)"});
    }
    const DWORD error = set(place.number());
    if (error == ERROR_ACCESS_DENIED) {
        return std::unexpected(Error{K2S_E_PERMISSION, "the network compartment " + place.text() +
                                                           " may not be entered; run as an "
                                                           "administrator"});
    }
    if (error != NO_ERROR) {
        return std::unexpected(Error{K2S_E_NOT_FOUND, "the network compartment " + place.text() +
                                                          " cannot be entered (error " +
                                                          std::to_string(error) +
                                                          "); look at `Get-NetCompartment`"});
    }
    return PlaceIdentity{0, place.number()};
}

} // namespace k2s::dataplane
