// SPDX-License-Identifier: MIT
#include "services/registry.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "manifest/version.hpp"
#include "services/handle.hpp"

namespace k2s::core {

namespace {

const DeclaredContract *find_declared(const std::vector<DeclaredContract> &list,
                                      std::string_view contract) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const DeclaredContract &entry) {
        return entry.contract == contract;
    });
    return found == list.end() ? nullptr : &*found;
}

void run_revoked(const Strand &lessee, const Task &revoked) {
    try {
        revoked();
    } catch (...) {
        lessee.report_violation("an exception left the notice that a lease is revoked");
    }
}

} // namespace

Result<void> Registry::check_room(const Strand &strand) const {
    if (strand.closed()) {
        return fail(K2S_E_STATE, "plugin \"{}\" is being destroyed", strand.plugin());
    }
    const auto provided = std::count_if(provided_.begin(), provided_.end(), [&](const auto &entry) {
        return entry.second.provider.get() == &strand;
    });
    const auto leased = std::count_if(leases_.begin(), leases_.end(), [&](const auto &entry) {
        return entry.second.lessee.get() == &strand;
    });
    if (static_cast<std::size_t>(provided + leased) >= k_max_per_plugin) {
        return fail(K2S_E_NO_MEMORY, "plugin \"{}\" has {} contracts and leases; give some back",
                    strand.plugin(), provided + leased);
    }
    return {};
}

Result<k2s_handle> Registry::provide(const ContractParty &party, std::string_view contract,
                                     k2s_contract value) {
    const std::string &plugin = party.strand->plugin();
    const DeclaredContract *const declared = find_declared(party.provides, contract);
    if (declared == nullptr) {
        return fail(K2S_E_CONFIG,
                    "contract \"{}\" is not listed under \"provides\" in plugin.json of \"{}\"",
                    contract, plugin);
    }
    if (auto version = parse_version(declared->version); !version) {
        return pass(version);
    }
    const std::lock_guard held(mutex_);
    if (auto room = check_room(*party.strand); !room) {
        return pass(room);
    }
    for (const auto &[handle, entry] : provided_) {
        if (entry.contract == contract) {
            return fail(K2S_E_EXISTS, "contract \"{}\" is already provided by plugin \"{}\"",
                        contract, entry.provider->plugin());
        }
    }
    const k2s_handle handle = make_handle(HandleKind::provided);
    provided_.emplace(
        handle, Provided{std::string(contract), declared->version, party.strand, value, false});
    return handle;
}

Result<void> Registry::withdraw(const ContractParty &party, k2s_handle provided,
                                Deadline deadline) {
    std::string contract;
    {
        const std::lock_guard held(mutex_);
        const auto found = provided_.find(provided);
        if (found == provided_.end() || found->second.provider != party.strand) {
            return fail(K2S_E_NOT_FOUND, "plugin \"{}\" provides nothing under this handle",
                        party.strand->plugin());
        }
        found->second.leaving = true;
        contract = found->second.contract;
    }
    if (auto revoked = revoke_all(provided, contract, deadline); !revoked) {
        return revoked;
    }
    const std::lock_guard held(mutex_);
    provided_.erase(provided);
    return {};
}

Result<void> Registry::revoke_all(k2s_handle provided, std::string_view contract,
                                  Deadline deadline) {
    for (;;) {
        k2s_handle lease = 0;
        std::shared_ptr<Strand> lessee;
        {
            const std::lock_guard held(mutex_);
            for (const auto &[handle, leased] : leases_) { // ascending: the youngest is the last
                if (leased.provided == provided) {
                    lease = handle;
                    lessee = leased.lessee;
                }
            }
        }
        if (lease == 0) {
            return {};
        }
        const StrandGuard guard(*lessee, "revoke", deadline);
        if (!guard) {
            return fail(K2S_E_TIMEOUT,
                        "contract \"{}\" is still leased by plugin \"{}\", which is busy with {}",
                        contract, lessee->plugin(), lessee->holder());
        }
        Task revoked;
        {
            const std::lock_guard held(mutex_);
            if (const auto found = leases_.find(lease); found != leases_.end()) {
                revoked = std::exchange(found->second.revoked, nullptr);
            }
        }
        if (revoked) { // neither given back meanwhile nor revoked by another thread
            run_revoked(*lessee, revoked);
        }
        const std::lock_guard held(mutex_);
        leases_.erase(lease);
    }
}

Result<Registry::Lease> Registry::acquire(const ContractParty &party, std::string_view contract,
                                          Task revoked) {
    const std::string &plugin = party.strand->plugin();
    const DeclaredContract *const declared = find_declared(party.required, contract);
    if (declared == nullptr) {
        return fail(K2S_E_CONFIG,
                    "contract \"{}\" is not listed under \"requires\" in plugin.json of \"{}\"",
                    contract, plugin);
    }
    auto range = parse_version_range(declared->version);
    if (!range) {
        return pass(range);
    }
    const std::lock_guard held(mutex_);
    if (auto room = check_room(*party.strand); !room) {
        return pass(room);
    }
    const auto found = std::find_if(provided_.begin(), provided_.end(), [&](const auto &entry) {
        return entry.second.contract == contract && !entry.second.leaving;
    });
    if (found == provided_.end()) {
        return fail(K2S_E_NOT_FOUND,
                    "no enabled plugin provides contract \"{}\", which plugin \"{}\" asks for",
                    contract, plugin);
    }
    const auto &[provided, entry] = *found;
    const auto version = parse_version(entry.version);
    if (!version || !range->contains(*version)) {
        return fail(K2S_E_NOT_FOUND,
                    "plugin \"{}\" needs contract \"{}\" {}, but plugin \"{}\" provides {}", plugin,
                    contract, declared->version, entry.provider->plugin(), entry.version);
    }
    const k2s_handle handle = make_handle(HandleKind::lease);
    leases_.emplace(handle, Leased{party.strand, provided, std::move(revoked)});
    return Lease{handle, entry.value};
}

int32_t Registry::release(const ContractParty &party, k2s_handle lease) {
    Task revoked; // destructed after the lock
    const std::lock_guard held(mutex_);
    const auto found = leases_.find(lease);
    if (found == leases_.end() || found->second.lessee != party.strand) {
        return K2S_E_NOT_FOUND;
    }
    revoked = std::move(found->second.revoked);
    leases_.erase(found);
    return K2S_OK;
}

std::vector<k2s_handle> Registry::handles_of(const Strand &strand) const {
    std::vector<k2s_handle> handles;
    const std::lock_guard held(mutex_);
    for (const auto &[handle, entry] : provided_) {
        if (entry.provider.get() == &strand) {
            handles.push_back(handle);
        }
    }
    for (const auto &[handle, leased] : leases_) {
        if (leased.lessee.get() == &strand) {
            handles.push_back(handle);
        }
    }
    return handles;
}

std::vector<ContractState> Registry::state() const {
    std::vector<ContractState> all;
    const std::lock_guard held(mutex_);
    for (const auto &[handle, entry] : provided_) {
        ContractState state{entry.contract, entry.version, entry.provider->plugin(), {}};
        for (const auto &[lease, leased] : leases_) {
            if (leased.provided == handle) {
                state.lessees.push_back(leased.lessee->plugin());
            }
        }
        all.push_back(std::move(state));
    }
    std::sort(all.begin(), all.end(), [](const ContractState &a, const ContractState &b) {
        return a.contract < b.contract;
    });
    return all;
}

} // namespace k2s::core
