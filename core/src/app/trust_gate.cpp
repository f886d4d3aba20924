// SPDX-License-Identifier: MIT
#include "app/trust_gate.hpp"

#include <algorithm>

#include "util/directories.hpp"
#include "util/path.hpp"
#include "util/privilege.hpp"

namespace k2s::core {

using trust::Guard;
using trust::Policy;

trust::TrustPlaces trust_places(const Tree &tree) {
    const char *k_store = "trust.json";
    trust::TrustPlaces places{tree.crypto, {}, {tree.root / "lib" / "k2s" / k_store}};
    if (const auto state = state_dir()) {
        places.verdicts = *state / "plugins.trust";
        places.stores.push_back(*state / k_store);
    }
    // What an administrator trusts holds for every user.
    const auto system = Surroundings::real().system_state / k_store;
    if (std::ranges::find(places.stores, system) == places.stores.end()) {
        places.stores.push_back(system);
    }
    return places;
}

bool TrustGate::is_off() const {
    return configured_ ? *configured_ == Policy::off : !trust_.is_installed();
}

Guard TrustGate::guard() const {
    return is_privileged() && !is_off() ? Guard::system : Guard::plugin;
}

Result<Policy> TrustGate::policy() const {
    return configured_ ? Result<Policy>(*configured_) : trust_.default_policy();
}

Result<Admission> TrustGate::judge(const Manifest &manifest, const fs::path &folder,
                                   const trust::OpenLibrary *library) {
    if (is_off()) {
        return Admission::unasked;
    }
    if (trust_.known(manifest, folder, library) != nullptr) {
        return Admission::trusted;
    }
    const auto how = policy();
    if (!how) {
        return std::unexpected(how.error());
    }
    if (*how == Policy::off) {
        return Admission::unasked;
    }
    const auto verified = trust_.verify(manifest, folder, library);
    if (verified) {
        return Admission::trusted;
    }
    auto why = fmt::format("plugin '{}' is not trusted: {}", manifest.id, verified.error().message);
    if (*how == Policy::warn) {
        warn_(why);
        return Admission::foreign;
    }
    return fail(verified.error().code, "{}", why);
}

Result<Admission> TrustGate::admit(const Manifest &manifest, const fs::path &folder,
                                   const trust::OpenLibrary &library) {
    return judge(manifest, folder, &library);
}

std::optional<Error> TrustGate::problem(const Manifest &manifest, const fs::path &folder) {
    auto judged = judge(manifest, folder, nullptr);
    return judged ? std::nullopt : std::optional(std::move(judged.error()));
}

bool TrustGate::trusts(const Manifest &manifest, const fs::path &folder) {
    return judge(manifest, folder, nullptr).value_or(Admission::foreign) != Admission::foreign;
}

} // namespace k2s::core
