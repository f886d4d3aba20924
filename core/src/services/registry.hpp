// SPDX-License-Identifier: MIT
/// \file
/// Contracts: who provides what, and who uses it at the moment.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/abi/draft/registry.h>

#include "services/deadline.hpp"
#include "services/strand.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// A line of "provides" (version: SemVer) or "requires" (version: a range) of a manifest.
struct DeclaredContract {
    std::string contract;
    std::string version;
};

/// One plugin as the registry sees it.
struct ContractParty {
    std::shared_ptr<Strand> strand;
    std::vector<DeclaredContract> provides;
    std::vector<DeclaredContract> required;
};

/// A contract that is provided now, for `k2s host status`.
struct ContractState {
    std::string contract;
    std::string version;
    std::string provider;
    std::vector<std::string> lessees; ///< one entry per lease
};

/// [any-thread]; calls into plugins are made on the strand of the plugin that is called.
class Registry {
  public:
    static constexpr std::size_t k_max_per_plugin = 4096; ///< contracts and leases

    Registry() = default;
    Registry(const Registry &) = delete;
    Registry &operator=(const Registry &) = delete;

    /// K2S_E_CONFIG when the party's manifest does not list it, K2S_E_EXISTS when somebody provides
    /// it already.
    Result<k2s_handle> provide(const ContractParty &party, std::string_view contract,
                               k2s_contract value);

    /// Takes no new leases, revokes the present ones, youngest first, each on its lessee's strand,
    /// and forgets the contract. An error names the first lessee whose strand could not be had by
    /// the deadline: then the contract stays, without new leases, and this can be tried again.
    Result<void> withdraw(const ContractParty &party, k2s_handle provided, Deadline deadline);

    struct Lease {
        k2s_handle handle = 0;
        k2s_contract value{};
    };

    /// K2S_E_CONFIG when the party's manifest does not require it; K2S_E_NOT_FOUND when nobody
    /// provides it, or a version out of the range.
    Result<Lease> acquire(const ContractParty &party, std::string_view contract, Task revoked);

    /// K2S_E_NOT_FOUND for a lease that was given back or revoked.
    int32_t release(const ContractParty &party, k2s_handle lease);

    /// Handles of what the party provides and leases.
    std::vector<k2s_handle> handles_of(const Strand &strand) const;

    std::vector<ContractState> state() const;

  private:
    struct Leased {
        std::shared_ptr<Strand> lessee;
        k2s_handle provided = 0;
        Task revoked;
    };
    struct Provided {
        std::string contract;
        std::string version;
        std::shared_ptr<Strand> provider;
        k2s_contract value{};
        bool leaving = false; ///< no new leases
    };

    Result<void> check_room(const Strand &strand) const;
    Result<void> revoke_all(k2s_handle provided, std::string_view contract, Deadline deadline);

    mutable std::mutex mutex_;
    std::map<k2s_handle, Provided> provided_;
    std::map<k2s_handle, Leased> leases_;
};

} // namespace k2s::core
