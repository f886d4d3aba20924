// SPDX-License-Identifier: MIT
/// \file
/// Whether a plugin is signed by somebody who is trusted here. Apart from probes and records, which
/// say whether it works.
#pragma once

#include "manifest/manifest.hpp"
#include "trust/verdicts.hpp"

namespace k2s::core::trust {

struct TrustPlaces {
    fs::path crypto;              ///< the crypto module
    fs::path verdicts;            ///< plugins.trust
    std::vector<fs::path> stores; ///< the tree's first; they need not exist
};

/// [one thread at a time]
class Trust {
  public:
    explicit Trust(TrustPlaces places) : places_(std::move(places)), verdicts_(places_.verdicts) {}

    /// The policy when the configuration says nothing: the tree's own. A tree without a store is
    /// one that nobody installed: off. K2S_E_CONFIG, K2S_E_PERMISSION for a store that cannot be
    /// used.
    Result<Policy> default_policy() const;

    /// Without a store in the tree and without a configured policy there is nothing to check.
    bool is_installed() const { return identify(places_.stores.front()).has_value(); }

    /// The verdict about exactly these files if there is a good one: a few looks at files, no hash.
    /// `library` is the open file that will be mapped; nullptr: looked up by name.
    const TrustVerdict *known(const Manifest &manifest, const fs::path &folder,
                              const OpenLibrary *library);

    /// Verifies signature and hashes and remembers a good outcome. K2S_E_PERMISSION in words that
    /// follow "plugin 'x' is not trusted: ". [may-block]
    Result<TrustVerdict> verify(const Manifest &manifest, const fs::path &folder,
                                const OpenLibrary *library);

    void forget(const fs::path &folder) {
        static_cast<void>(verdicts_.forget(path_name(folder))); // then its files differ anyway
    }

    Result<std::vector<TrustStore>> stores() const;
    Result<Crypto> crypto() const { return Crypto::load(places_.crypto); }
    const TrustPlaces &places() const noexcept { return places_; }

  private:
    static std::string path_name(const fs::path &folder);
    std::vector<std::pair<std::string, FileIdentity>> store_identities() const;

    TrustPlaces places_;
    TrustVerdicts verdicts_;
};

/// A store's content; an empty one when the file does not exist. K2S_E_PERMISSION when others may
/// write to it.
Result<TrustStore> read_trust_store(const fs::path &file);
Result<void> write_trust_store(const fs::path &file, const TrustStore &store);

} // namespace k2s::core::trust
