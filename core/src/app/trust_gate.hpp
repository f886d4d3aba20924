// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>

#include "app/tree.hpp"
#include "trust/trust.hpp"
#include "util/path.hpp"

namespace k2s::core {

/// Where keys, verdicts and the crypto module of this tree and user lie.
trust::TrustPlaces trust_places(const Tree &tree);

/// How a plugin gets in.
enum class Admission : uint8_t {
    unasked, ///< nobody asks for a signature
    trusted, ///< its signature is good, and each of its files is what that covers
    foreign, ///< it is not trusted, and let in all the same (policy "warn"): only into a worker
};

/// What the policy makes of a plugin's signature.
class TrustGate {
  public:
    using Warn = std::function<void(const std::string &)>;

    /// `configured`: what the configuration says, if anything. `warn` is told what Policy::warn
    /// lets through.
    TrustGate(const Tree &tree, std::optional<trust::Policy> configured, Warn warn)
        : trust_(trust_places(tree)), configured_(configured), warn_(std::move(warn)) {}

    /// How careful to be about who may write to plugins.
    trust::Guard guard() const;

    /// Lets the plugin whose library is open in, or says why not. A few looks at files for a plugin
    /// that is known to be good. K2S_E_PERMISSION, K2S_E_CONFIG. [may-block]
    Result<Admission> admit(const Manifest &manifest, const fs::path &folder,
                            const trust::OpenLibrary &library);

    /// Why admit() would refuse it; nothing when it would not. `library` need not exist.
    std::optional<Error> problem(const Manifest &manifest, const fs::path &folder);

    /// Whether it is what the policy asks for, were it to be enforced.
    bool trusts(const Manifest &manifest, const fs::path &folder);

    Result<trust::Policy> policy() const;
    trust::Trust &trust() noexcept { return trust_; }

  private:
    bool is_off() const;
    Result<Admission> judge(const Manifest &manifest, const fs::path &folder,
                            const trust::OpenLibrary *library);

    trust::Trust trust_;
    std::optional<trust::Policy> configured_;
    Warn warn_;
};

} // namespace k2s::core
